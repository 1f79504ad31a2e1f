import assert from 'node:assert/strict'
import fc, { type Arbitrary } from 'fast-check'
import type { Answer } from '../../support/http/service.ts'
import { checkAnswer, command, type ModelCommand } from './command.ts'
import { COMPOSITIONS, PREFIXES } from './compositions.ts'
import { type Cursor, getFormula, type Model, type Page, pageOf, refusal } from './model.ts'
import type { ServiceUnderTest } from './service-under-test.ts'

const get = (service: ServiceUnderTest, url: string): Promise<Answer> => service.send({ method: 'GET', url })

export function getsById(ids: readonly string[]): Arbitrary<ModelCommand> {
  const id = fc.oneof(
    { weight: 6, arbitrary: fc.nat(7).map((composition) => ids[composition] as string) },
    { weight: 2, arbitrary: fc.nat(COMPOSITIONS - 1).map((composition) => ids[composition] as string) },
    { weight: 1, arbitrary: fc.constantFrom('f'.repeat(64), 'nothing', (ids[0] ?? '').toUpperCase()) },
  )
  return id.map((id) =>
    command('get', { id }, async (model, service) =>
      checkAnswer(await get(service, `/formulas/${id}`), getFormula(model, id)),
    ),
  )
}

/** Checks a page, and keeps its cursor. @param shown the list, and what it was narrowed to */
function checkPage(
  model: Model,
  answer: Answer,
  shown: Pick<Cursor, 'list' | 'prefix'>,
  { items, last }: Page,
): string | null {
  assert.equal(answer.statusCode, 200)
  const { nextCursor } = answer.json()
  assert.equal(nextCursor !== null, last !== null, 'there are more pages')
  checkAnswer(answer, { status: 200, body: { [shown.list === 'dead' ? 'events' : 'formulas']: items, nextCursor } })
  if (last !== null) model.cursors.push({ ...shown, text: nextCursor, before: last })
  return nextCursor
}

/** Reads a list from its beginning, or from an earlier cursor, to its end. */
export async function readList(
  model: Model,
  service: ServiceUnderTest,
  list: Cursor['list'],
  { limit, prefix = '', from }: { limit: number; prefix?: string; from?: Cursor },
): Promise<void> {
  const url = list === 'dead' ? '/events/dead' : '/formulas'
  const narrowed = list === 'dead' ? '' : prefix
  let cursor: Cursor | undefined = from
  do {
    const query = new URLSearchParams({ limit: `${limit}` })
    if (cursor !== undefined) query.set('cursor', cursor.text)
    if (narrowed !== '') query.set('name', narrowed)
    const answer = await get(service, `${url}?${query}`)
    if (cursor !== undefined && cursor.prefix.toLowerCase() !== narrowed.toLowerCase()) {
      return checkAnswer(answer, refusal('CURSOR_INVALID', [['?cursor', 'CURSOR_INVALID']]))
    }
    const page = pageOf(model, list, limit, narrowed, cursor?.before)
    const next = checkPage(model, answer, { list, prefix: narrowed }, page)
    cursor = next === null ? undefined : model.cursors.at(-1)
  } while (cursor !== undefined)
}

export function lists(list: Cursor['list']): Arbitrary<ModelCommand> {
  const options = fc.record({
    limit: fc.constantFrom(1, 3, 50, 200),
    prefix: fc.constantFrom(...PREFIXES),
    from: fc.nat(),
  })
  return options.map(({ limit, prefix, from }) =>
    command(`list ${list}`, { limit, prefix, from }, async (model, service) => {
      const known = model.cursors.filter((cursor) => cursor.list === list)
      const cursor = known[from % (known.length * 2)]
      await readList(model, service, list, { limit, prefix, ...(cursor === undefined ? {} : { from: cursor }) })
    }),
  )
}

/** A cursor of the other list, or one that the service never gave. */
export function badCursors(): Arbitrary<ModelCommand> {
  return fc.record({ list: fc.constantFrom('formulas', 'dead'), from: fc.nat() }).map(({ list, from }) =>
    command('bad cursor', { list, from }, async (model, service) => {
      const others = model.cursors.filter((cursor) => cursor.list !== list)
      const text = others[from % (others.length + 1)]?.text ?? 'nothing'
      const url = list === 'dead' ? '/events/dead' : '/formulas'
      const answer = await get(service, `${url}?cursor=${text}`)
      checkAnswer(answer, refusal('CURSOR_INVALID', [['?cursor', 'CURSOR_INVALID']]))
    }),
  )
}

/** Without faults there are no cleanups. */
export function cleanups(): Arbitrary<ModelCommand> {
  return fc.constant(
    command('cleanups', {}, async (_model, service) => {
      checkAnswer(await get(service, '/cleanups'), { status: 200, body: { cleanups: [] } })
      const retry = await service.send({ method: 'POST', url: '/cleanups/nothing/retry' })
      checkAnswer(retry, refusal('CLEANUP_NOT_FOUND'))
    }),
  )
}
