import assert from 'node:assert/strict'
import fc, { type Arbitrary } from 'fast-check'
import { checkAnswer, command, type ModelCommand } from './command.ts'
import { COMPOSITIONS } from './compositions.ts'
import { erase } from './model.ts'

const requestOf = (id: string) => ({ method: 'DELETE', url: `/formulas/${id}` }) as const

/** Ids of compositions that are often there, of any, and of none. */
const idsIn = (ids: readonly string[]): Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.nat(7).map((composition) => ids[composition] as string) },
    { weight: 4, arbitrary: fc.nat(COMPOSITIONS - 1).map((composition) => ids[composition] as string) },
    { weight: 1, arbitrary: fc.constantFrom('f'.repeat(64), 'nothing') },
  )

export function erasures(ids: readonly string[]): Arbitrary<ModelCommand> {
  return idsIn(ids).map((id) =>
    command('erase', { id }, async (model, service) =>
      checkAnswer(await service.send(requestOf(id)), erase(model, id)),
    ),
  )
}

/** Erases in a process that dies at one of its calls to a store, and again in the next process: then it is erased. */
export function dyingErasures(ids: readonly string[]): Arbitrary<ModelCommand> {
  const deaths = fc.record({ call: fc.integer({ min: 1, max: 5 }), hasEffect: fc.boolean() })
  return fc.tuple(idsIn(ids), deaths).map(([id, death]) =>
    command('eraseAndDie', { id, ...death }, async (model, service) => {
      const expected = erase(model, id)
      const first = await service.sendDying(requestOf(id), death)
      if (first !== null) checkAnswer(first, expected)
      const again = await service.send(requestOf(id))
      if (first !== null || again.statusCode === 404) checkAnswer(again, erase(model, id))
      else checkAnswer(again, expected)
      assert.deepEqual((await service.send({ method: 'GET', url: '/cleanups' })).json(), { cleanups: [] })
    }),
  )
}
