import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { IntakeClient } from '../../client/src/client.ts'
import { clientTypes } from '../../docs/client-types.ts'
import { startListening } from '../support/http/service.ts'
import { scriptedService } from '../support/scripted-service.ts'
import { formula } from '../support/service-process.ts'

test('a submission is looked up by its key; an unknown one is SUBMISSION_NOT_FOUND', async (t) => {
  const client = new IntakeClient(await startListening(t))
  const { formulas } = await client.submit(formula(1), { key: 'order/1' })
  t.match(await client.submission('order/1'), { state: 'done', status: 200, formulaIds: [formulas[0]?.id] })
  await t.rejects(client.submission('order'), { status: 404, code: 'SUBMISSION_NOT_FOUND' })
})

test('a formula is read by its id; an unknown one is FORMULA_NOT_FOUND', async (t) => {
  const client = new IntakeClient(await startListening(t))
  const { formulas } = await client.submit(formula(1))
  t.same(await client.get(formulas[0]?.id as string), formulas[0])
  await t.rejects(client.get('a/b?c'), { status: 404, code: 'FORMULA_NOT_FOUND' })
})

test('a list is read to its end, newest first, over as many pages as there are', async (t) => {
  const client = new IntakeClient(await startListening(t))
  await client.submit([1, 2, 3, 4, 5].map((number) => formula(number, `${number % 2 ? 'Rose' : 'Iris'} ${number}`)))
  const names = async (options: object): Promise<string[]> => {
    const found: string[] = []
    for await (const { name } of client.list(options)) found.push(name)
    return found
  }
  t.same(await names({ pageSize: 2 }), ['Rose 5', 'Iris 4', 'Rose 3', 'Iris 2', 'Rose 1'])
  t.same(await names({ pageSize: 1, name: 'Iris' }), ['Iris 4', 'Iris 2'])
  t.same(await names({ name: 'Oud' }), [])
  const from = '2026-01-01T00:00:00+01:00'
  t.same(await names({ q: 'iris', material: 'ROSE', from, pageSize: 1 }), ['Iris 4', 'Iris 2'])
})

test('a page is fetched when it is needed, and again when there was no answer', async (t) => {
  const answers = [
    { status: 200, body: { formulas: [{ name: 'A' }], nextCursor: 'a+b' } },
    'break',
    { status: 410 },
  ] as const
  const { url, seen } = await scriptedService(t, () => answers[seen.length - 1] ?? 'silence')
  const list = new IntakeClient({ url: `${url}intake/` }).list()
  t.match(await list.next(), { value: { name: 'A' } })
  t.equal(seen.length, 1)
  await t.rejects(list.next(), { status: 410, code: '' })
  t.same(
    seen.map(({ url }) => url),
    ['/intake/formulas?limit=100', ...Array(2).fill('/intake/formulas?limit=100&cursor=a%2Bb')],
  )
})

test('client/src/api.ts has the types of docs/openapi.json; `npm run openapi` writes it', async (t) => {
  const read = (path: string) => readFileSync(join(import.meta.dirname, '../..', path), 'utf8')
  t.equal(read('client/src/api.ts'), clientTypes(JSON.parse(read('docs/openapi.json')).components.schemas))
})
