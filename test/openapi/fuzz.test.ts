import fc from 'fast-check'
import t, { type Test } from 'tap'
import { sized } from '../faults/extent.ts'
import { LONGEST_MS, repeatOf, report } from '../faults/model/repeat.ts'
import { startGuarded } from '../support/http/keys.ts'
import { startService } from '../support/http/service.ts'
import { Judge } from '../support/openapi/answer-check.ts'
import { readDocument } from '../support/openapi/document.ts'
import { type Fuzzed, fuzzedRequests, Sender } from '../support/openapi/fuzzing.ts'

const ENV = { EVENT_MAX_RECEIVES: '2', BODY_LIMIT_BYTES: '1048576', SUBMIT_RETRIES: '1' }

/** Operations whose target, or material to be changed, rarely exists. */
const RARELY_MET = ['deriveFormula', 'getSubmission', 'deleteDeadLetter', 'retryCleanup']

t.setTimeout(LONGEST_MS)

interface Plan {
  name: string
  runs: number
  stream: number
}

/** Tests a property with many requests; a failure reports how to repeat it. */
async function tryAll(
  t: Test,
  { name, runs, stream }: Plan,
  requests: fc.Arbitrary<Fuzzed>,
  hold: (fuzzed: Fuzzed) => Promise<void>,
): Promise<void> {
  const repeat = repeatOf(name, { runs, stream })
  if (repeat === null) return void t.comment('another one is repeated')
  report(t, name, await fc.check(fc.asyncProperty(requests, hold), repeat.parameters))
}

function demand(faults: string[], { sent, answer }: Awaited<ReturnType<Sender['send']>>): void {
  if (faults.length === 0) return
  const { payload = '', ...head } = sent
  const request = `${JSON.stringify(head)} ${String(payload).slice(0, 500)}`
  throw new Error(`${faults.join('; ')}\n${request}\n${answer.statusCode} ${answer.body.slice(0, 500)}`)
}

t.test(
  'whatever is sent, the answer is one that the document has, and what is accepted is what it allows',
  async (t) => {
    const { app, ...client } = await startService(t, ENV)
    const document = await readDocument(app)
    const [judge, sender] = [new Judge(document), new Sender(client)]
    const succeeded = new Map<string, number>()
    const plan = { name: 'requests', runs: sized(2_400, 130_000), stream: 7 }
    await tryAll(t, plan, fuzzedRequests(document), async (fuzzed) => {
      const exchange = await sender.send(fuzzed)
      demand(judge.faults(exchange.sent, fuzzed.isValid, exchange.answer), exchange)
      const { operation } = fuzzed
      if (exchange.answer.statusCode < 300) succeeded.set(operation, (succeeded.get(operation) ?? 0) + 1)
    })
    const sum = [...succeeded.values()].reduce((total, each) => total + each, 0)
    t.ok(sum > plan.runs / 5, `${sum} requests succeeded`)
    for (const { id } of document.operations) if (!RARELY_MET.includes(id)) t.ok(succeeded.get(id), `${id} succeeded`)
  },
)

t.test('with keys, what is asked for and what is refused is what the security of each operation says', async (t) => {
  const { app, secrets, as } = await startGuarded(t, ENV)
  const document = await readDocument(app, { authorization: `Bearer ${secrets.admin}` })
  const judge = new Judge(document)
  const seen = new Set<number>()
  const requests = fuzzedRequests(document).filter(
    // With `include` a scope is needed that the operation does not tell.
    ({ request: { headers, payload } }) => !('authorization' in headers) && !String(payload).includes('"include"'),
  )
  for (const [index, [scope, secret]] of Object.entries({ ...secrets, none: 'unknown' }).entries()) {
    const sender = new Sender(as(secret))
    await tryAll(
      t,
      { name: `requests with a key for ${scope}`, runs: sized(80, 5_000), stream: 20 + index },
      requests,
      async (fuzzed) => {
        const exchange = await sender.send(fuzzed)
        const { statusCode } = exchange.answer
        const operation = judge.operationOf(exchange.sent)
        const isOpen = operation?.security.length === 0
        const isKnown = isOpen || scope !== 'none'
        const isAllowed =
          isOpen ||
          operation === undefined ||
          operation.security.some(({ apiKey }) => apiKey.every((asked) => asked === scope))
        const expected = isKnown ? (isAllowed ? null : 403) : 401
        const isFramework = statusCode === 414 || exchange.answer.body.includes('"BAD_REQUEST"')
        const isAsExpected =
          expected === null ? ![401, 403].includes(statusCode) : statusCode === expected || isFramework
        demand(
          [...judge.faults(exchange.sent, false, exchange.answer), ...(isAsExpected ? [] : [`not ${expected}`])],
          exchange,
        )
        seen.add(statusCode)
      },
    )
  }
  for (const status of [200, 400, 401, 403, 404, 405]) t.ok(seen.has(status), `${status} was seen`)
})

t.test('past a limit every operation but the public ones answers 429 as documented', async (t) => {
  const { app, ...client } = await startService(t, { ...ENV, RATE_LIMIT_PER_MINUTE: '20' })
  const document = await readDocument(app)
  const [judge, sender] = [new Judge(document), new Sender(client)]
  let limited = 0
  await tryAll(
    t,
    { name: 'requests past a limit', runs: 150, stream: 30 },
    fuzzedRequests(document),
    async (fuzzed) => {
      const exchange = await sender.send(fuzzed)
      demand(judge.faults(exchange.sent, false, exchange.answer), exchange)
      if (exchange.answer.statusCode === 429) limited++
    },
  )
  t.ok(limited > 75, `${limited} were refused`)
})
