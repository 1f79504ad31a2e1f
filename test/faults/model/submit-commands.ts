import assert from 'node:assert/strict'
import fc, { type Arbitrary } from 'fast-check'
import type { InjectOptions } from 'fastify'
import { checkAnswer, command, type ModelCommand } from './command.ts'
import { bodyOf, COMPOSITIONS, FORMULA_NAMES, INVALID, SPELLINGS, spell } from './compositions.ts'
import { refusal, type Submission, submit } from './model.ts'

const KEYS = 12

/** What is submitted, in the numbers of the pool. */
export interface Plan {
  key: number
  /** The key is sent in quotes. */
  quoted: boolean
  onDuplicate: 'reject' | 'skip'
  single: boolean
  formulas: { composition: number; spelling: number; name: number }[]
}

/** Mostly few compositions, so that they meet again; some rare ones, so that there is always something new. */
const composition = fc.oneof({ weight: 2, arbitrary: fc.nat(7) }, { weight: 3, arbitrary: fc.nat(COMPOSITIONS - 1) })
const spelling = fc.nat(SPELLINGS - 1)
const formula = fc.record({ composition, spelling, name: fc.nat(FORMULA_NAMES - 1) })

const plans: Arbitrary<Plan> = fc
  .record({
    key: fc.nat(KEYS - 1),
    quoted: fc.boolean(),
    onDuplicate: fc.constantFrom('reject' as const, 'skip' as const),
    isList: fc.boolean(),
    formulas: fc.oneof(
      { weight: 2, arbitrary: fc.array(formula, { minLength: 1, maxLength: 1 }) },
      { weight: 1, arbitrary: fc.array(formula, { minLength: 1, maxLength: 6, size: 'max' }) },
    ),
  })
  .map(({ isList, ...rest }) => ({ ...rest, single: rest.formulas.length === 1 && !isList }))

const speltOf = ({ formulas }: Plan) =>
  formulas.map(({ composition, spelling, name }) => spell(composition, spelling, name))

export function requestOf(plan: Plan): InjectOptions {
  const { key, quoted, onDuplicate, single } = plan
  return {
    method: 'POST',
    url: onDuplicate === 'skip' ? '/formulas?onDuplicate=skip' : '/formulas',
    headers: { 'idempotency-key': quoted ? `"key-${key}"` : `key-${key}`, 'content-type': 'application/json' },
    payload: bodyOf(speltOf(plan), single),
  }
}

/** @param ids of the compositions, as the service gives them */
export function submissionOf(plan: Plan, ids: readonly string[]): Submission {
  const { key, onDuplicate, single } = plan
  const formulas = speltOf(plan).map(({ composition, name, materials }) => ({
    id: ids[composition] as string,
    name,
    materials,
  }))
  return { key: `key-${key}`, onDuplicate, single, formulas }
}

const plain = ({ key, onDuplicate, single, formulas }: Plan): object => ({
  key,
  onDuplicate,
  single,
  formulas: formulas.map(({ composition, spelling, name }) => `${composition}/${spelling}/${name}`),
})

/** Submits; the small pool makes many of them replays, duplicates, and reuses of a key. */
export function submits(ids: readonly string[]): Arbitrary<ModelCommand> {
  return plans.map((plan) =>
    command('submit', plain(plan), async (model, service) => {
      checkAnswer(await service.send(requestOf(plan)), submit(model, submissionOf(plan, ids)))
    }),
  )
}

/** Submits, and then the same payload in another spelling, or another payload, under the same key. */
export function repeats(ids: readonly string[]): Arbitrary<ModelCommand> {
  const changes = fc.record({ spelling, quoted: fc.boolean(), otherName: fc.boolean(), otherMode: fc.boolean() })
  return fc.tuple(plans, fc.array(changes, { minLength: 1, maxLength: 2 })).map(([plan, list]) =>
    command('repeat', { ...plain(plan), list }, async (model, service) => {
      checkAnswer(await service.send(requestOf(plan)), submit(model, submissionOf(plan, ids)))
      for (const { spelling, quoted, otherName, otherMode } of list) {
        const formulas = plan.formulas.map(({ composition, name }) => {
          return { composition, spelling, name: otherName ? (name + 1) % FORMULA_NAMES : name }
        })
        const onDuplicate = otherMode ? 'skip' : plan.onDuplicate
        const single = plan.formulas.length === 1 && !plan.single
        const again: Plan = { key: plan.key, quoted, onDuplicate, single, formulas }
        checkAnswer(await service.send(requestOf(again)), submit(model, submissionOf(again, ids)))
      }
    }),
  )
}

/** Submits what is invalid, which leaves no trace: what follows would show it, were it but the key. */
export function invalidSubmits(): Arbitrary<ModelCommand> {
  const wrong = fc.constantFrom('body', 'no key', 'bad key', 'media type', 'json')
  return fc.record({ plan: plans, wrong, which: fc.nat(INVALID.length - 1) }).map(({ plan, wrong, which }) =>
    command('submitInvalid', { key: plan.key, wrong, which }, async (_model, service) => {
      const { headers, ...request } = requestOf(plan)
      const { 'idempotency-key': key, 'content-type': type } = headers as Record<string, string>
      const { body, problems } = INVALID[which] as (typeof INVALID)[number]
      const send = (changedHeaders: object, payload: unknown = request.payload) =>
        service.send({ ...request, headers: { ...changedHeaders }, payload: payload as string })
      const keyProblem = (code: string) => refusal(code, [['Idempotency-Key', code]])
      if (wrong === 'no key') {
        checkAnswer(await send({ 'content-type': type }), keyProblem('IDEMPOTENCY_KEY_MISSING'))
      } else if (wrong === 'bad key') {
        const bad = { 'idempotency-key': `${key} x`, 'content-type': type }
        checkAnswer(await send(bad), keyProblem('IDEMPOTENCY_KEY_INVALID'))
      } else if (wrong === 'media type') {
        const text = { 'idempotency-key': key, 'content-type': 'text/plain' }
        checkAnswer(await send(text), refusal('UNSUPPORTED_MEDIA_TYPE', [['Content-Type', 'UNSUPPORTED_MEDIA_TYPE']]))
      } else if (wrong === 'json') {
        const half = `${request.payload}`.slice(0, -1)
        checkAnswer(await send(headers as object, half), refusal('INVALID_JSON', [['', 'INVALID_JSON']]))
      } else {
        checkAnswer(await send(headers as object, body), refusal(problems[0]?.[1] ?? '', problems))
      }
    }),
  )
}

/**
 * Submits to a process that dies at one of its calls to a store, and sends it again to the next: whether or not it had
 * taken effect, the answer is the one the first would have given.
 */
export function dyingSubmits(ids: readonly string[]): Arbitrary<ModelCommand> {
  const deaths = fc.record({ call: fc.integer({ min: 1, max: 7 }), hasEffect: fc.boolean() })
  return fc.tuple(plans, deaths).map(([plan, death]) =>
    command('submitAndDie', { ...plain(plan), ...death }, async (model, service) => {
      const submission = submissionOf(plan, ids)
      const expected = submit(model, submission)
      const first = await service.sendDying(requestOf(plan), death)
      if (first !== null) checkAnswer(first, expected)
      const again = await service.send(requestOf(plan))
      const replayed = again.headers['idempotent-replayed'] === 'true'
      if (first !== null || expected.replayed) checkAnswer(again, submit(model, submission))
      else checkAnswer(again, { ...expected, replayed: expected.status !== 422 && replayed })
      assert.deepEqual((await service.send({ method: 'GET', url: '/cleanups' })).json(), { cleanups: [] })
    }),
  )
}
