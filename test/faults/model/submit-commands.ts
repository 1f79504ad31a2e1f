import assert from 'node:assert/strict'
import fc, { type Arbitrary } from 'fast-check'
import type { InjectOptions } from 'fastify'
import { checkAnswer, command, type ModelCommand } from './command.ts'
import { bodyOf, COMPOSITIONS, FORMULA_NAMES, INVALID, SPELLINGS, spell } from './compositions.ts'
import { check, type Expected, type Model, placeOf, refusal, type Submission, submit } from './model.ts'
import type { Death } from './process-stores.ts'
import type { ServiceUnderTest } from './service-under-test.ts'

const KEYS = 12

/** A submission, in numbers of the pool of formulas. */
export interface Plan {
  key: number
  /** The key is sent in quotes. */
  quoted: boolean
  onDuplicate: 'reject' | 'skip'
  single: boolean
  formulas: { composition: number; spelling: number; name: number }[]
}

/** A few compositions often, so that duplicates occur, and many rarely, so that there are always new ones. */
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

/** @param ids of the compositions, from the service */
export function submissionOf(plan: Plan, ids: readonly string[]): Submission {
  const { key, onDuplicate, single } = plan
  const formulas = speltOf(plan).map(({ composition, name, materials, metadata }) => ({
    id: ids[composition] as string,
    name,
    materials,
    ...(metadata && { metadata }),
  }))
  return { key: `key-${key}`, onDuplicate, single, formulas }
}

const plain = ({ key, onDuplicate, single, formulas }: Plan): object => ({
  key,
  onDuplicate,
  single,
  formulas: formulas.map(({ composition, spelling, name }) => `${composition}/${spelling}/${name}`),
})

/** Submits to both, and compares the answers. */
async function exchange(model: Model, service: ServiceUnderTest, plan: Plan, ids: readonly string[]): Promise<void> {
  checkAnswer(await service.send(requestOf(plan)), submit(model, submissionOf(plan, ids)))
}

/** Submits. The pool is small, so many submissions are replays, duplicates, and reuses of a key. */
export function submits(ids: readonly string[]): Arbitrary<ModelCommand> {
  return plans.map((plan) => command('submit', plain(plan), (model, service) => exchange(model, service, plan, ids)))
}

/** Checks a list: whatever it finds, later commands would show it if the check had changed anything. */
export function checks(ids: readonly string[]): Arbitrary<ModelCommand> {
  return plans.map((plan) =>
    command('check', plain(plan), async (model, service) => {
      const request = { ...requestOf(plan), url: '/formulas/check' }
      checkAnswer(await service.send(request), check(model, submissionOf(plan, ids)))
    }),
  )
}

/** Submits, then submits the same payload in another spelling, or another payload, under the same key. */
export function repeats(ids: readonly string[]): Arbitrary<ModelCommand> {
  const changes = fc.record({ spelling, quoted: fc.boolean(), otherName: fc.boolean(), otherMode: fc.boolean() })
  return fc.tuple(plans, fc.array(changes, { minLength: 1, maxLength: 2 })).map(([plan, list]) =>
    command('repeat', { ...plain(plan), list }, async (model, service) => {
      await exchange(model, service, plan, ids)
      for (const { spelling, quoted, otherName, otherMode } of list) {
        const formulas = plan.formulas.map(({ composition, name }) => {
          return { composition, spelling, name: otherName ? (name + 1) % FORMULA_NAMES : name }
        })
        const onDuplicate = otherMode ? 'skip' : plan.onDuplicate
        const single = plan.formulas.length === 1 && !plan.single
        await exchange(model, service, { key: plan.key, quoted, onDuplicate, single, formulas }, ids)
      }
    }),
  )
}

interface DerivePlan {
  key: number
  parent: number
  steps: number
  name: number
}

const derivePlans: Arbitrary<DerivePlan> = fc.record({
  key: fc.nat(KEYS - 1),
  parent: fc.nat(3).map((half) => half * 2),
  steps: fc.constantFrom(2, 4, 6),
  name: fc.nat(FORMULA_NAMES - 1),
})

/** Derives an even composition of the pool, which is Linalool alone, from a smaller one. */
function derivation(model: Model, { key, parent, steps, name }: DerivePlan, ids: readonly string[]) {
  const [derivedFrom, id] = [ids[parent] as string, ids[parent + steps] as string]
  const { sent, name: stored } = spell(parent, 0, name)
  const request: InjectOptions = {
    method: 'POST',
    url: `/formulas/${derivedFrom}/derive`,
    headers: { 'idempotency-key': `key-${key}`, 'content-type': 'application/json' },
    payload: JSON.stringify({ name: sent.name, changes: [{ material: 'Linalool', add: steps }] }),
  }
  const known = model.formulas[placeOf(model, derivedFrom)]
  const materials = (known?.materials ?? []).map((one) => ({ ...one, concentration: `${parent + steps}.5` }))
  const formulas = [{ id, name: stored, materials }]
  const submission: Submission = { key: `key-${key}`, onDuplicate: 'reject', single: true, formulas, derivedFrom }
  return { request, submission }
}

/** Derives once or twice under a key; often the parent is unknown, the result known, or the key taken. */
export function derives(ids: readonly string[]): Arbitrary<ModelCommand> {
  return fc.tuple(derivePlans, fc.integer({ min: 1, max: 2 })).map(([plan, times]) =>
    command('derive', { ...plan, times }, async (model, service) => {
      const { request, submission } = derivation(model, plan, ids)
      for (let n = 0; n < times; n++) checkAnswer(await service.send(request), submit(model, submission))
    }),
  )
}

interface Invalid {
  headers?: Record<string, string | undefined>
  payload?: string
  expected: Expected
}

/** What can be wrong with a request, and the answer to it. */
const WRONG: Record<string, (plan: Plan, payload: string) => Invalid> = {
  'no key': () => ({
    headers: { 'idempotency-key': undefined },
    expected: refusal('IDEMPOTENCY_KEY_MISSING', [['Idempotency-Key', 'IDEMPOTENCY_KEY_MISSING']]),
  }),
  'bad key': ({ key }) => ({
    headers: { 'idempotency-key': `key-${key} x` },
    expected: refusal('IDEMPOTENCY_KEY_INVALID', [['Idempotency-Key', 'IDEMPOTENCY_KEY_INVALID']]),
  }),
  'media type': () => ({
    headers: { 'content-type': 'text/plain' },
    expected: refusal('UNSUPPORTED_MEDIA_TYPE', [['Content-Type', 'UNSUPPORTED_MEDIA_TYPE']]),
  }),
  json: (_, payload) => ({ payload: payload.slice(0, -1), expected: refusal('INVALID_JSON', [['', 'INVALID_JSON']]) }),
  ...Object.fromEntries(
    INVALID.map(({ body, problems }) => {
      return [body, () => ({ payload: body, expected: refusal(problems[0]?.[1] ?? '', problems) })]
    }),
  ),
}

/** Submits an invalid request, which changes nothing: later commands would show it, even if it only held the key. */
export function invalidSubmits(): Arbitrary<ModelCommand> {
  return fc.record({ plan: plans, wrong: fc.constantFrom(...Object.keys(WRONG)) }).map(({ plan, wrong }) =>
    command('submitInvalid', { key: plan.key, wrong }, async (_model, service) => {
      const request = requestOf(plan)
      const invalid = WRONG[wrong]?.(plan, `${request.payload}`) as Invalid
      const headers = Object.entries({ ...request.headers, ...invalid.headers }).filter(([, value]) => value)
      const payload = invalid.payload ?? (request.payload as string)
      const answer = await service.send({ ...request, headers: Object.fromEntries(headers), payload })
      checkAnswer(answer, invalid.expected)
    }),
  )
}

/**
 * Submits to a process that dies at one of its calls to a store, and again to the next process, which has to answer as
 * the first one would have, whether or not the first submission took effect.
 */
export function dyingSubmits(ids: readonly string[]): Arbitrary<ModelCommand> {
  return fc
    .tuple(plans, deaths)
    .map(([plan, death]) =>
      command('submitAndDie', { ...plain(plan), ...death }, (model, service) =>
        dieAndRepeat(model, service, { request: requestOf(plan), submission: submissionOf(plan, ids) }, death),
      ),
    )
}

/** As `dyingSubmits`, with a derivation. */
export function dyingDerives(ids: readonly string[]): Arbitrary<ModelCommand> {
  return fc
    .tuple(derivePlans, deaths)
    .map(([plan, death]) =>
      command('deriveAndDie', { ...plan, ...death }, (model, service) =>
        dieAndRepeat(model, service, derivation(model, plan, ids), death),
      ),
    )
}

const deaths = fc.record({ call: fc.integer({ min: 1, max: 7 }), hasEffect: fc.boolean() })

async function dieAndRepeat(
  model: Model,
  service: ServiceUnderTest,
  { request, submission }: { request: InjectOptions; submission: Submission },
  death: Death,
): Promise<void> {
  const expected = submit(model, submission)
  const first = await service.sendDying(request, death)
  if (first !== null) checkAnswer(first, expected)
  const again = await service.send(request)
  const replayed = again.headers['idempotent-replayed'] === 'true'
  if (first !== null || expected.replayed) checkAnswer(again, submit(model, submission))
  else checkAnswer(again, { ...expected, replayed: expected.status !== 422 && replayed })
  assert.deepEqual((await service.send({ method: 'GET', url: '/cleanups' })).json(), { cleanups: [] })
}
