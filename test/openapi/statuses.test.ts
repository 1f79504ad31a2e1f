import { type Test, test } from 'tap'
import { catalogue, type ErrorCode } from '../../src/errors/catalogue.ts'
import type { ErrorBody } from '../../src/errors/service-error.ts'
import { submissions } from '../../src/openapi/examples.ts'
import { hold, memoryStores, unavailable } from '../http/fixtures.ts'
import { startGuarded } from '../support/http/keys.ts'
import { type Service, startService } from '../support/http/service.ts'
import { newKey } from '../support/new-key.ts'
import { Conformity } from '../support/openapi/conformity.ts'
import { type Operation, readDocument } from '../support/openapi/document.ts'
import { PROVOCATIONS, REASONS, type Services } from '../support/openapi/provocations.ts'

/** A service whose stores fail every call after startup. */
async function startFailing(t: Test): Promise<Service> {
  let isDown = false
  const failing = <T extends object>(port: T): T =>
    new Proxy(port, {
      get: (target, name) => {
        const method = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        return (...args: unknown[]) => (isDown ? unavailable() : method.apply(target, args))
      },
    })
  const { db, queue, idempotency, intake, cleanups, ...stores } = memoryStores()
  const ports = {
    db: failing(db),
    queue: failing(queue),
    idempotency: failing(idempotency),
    intake: failing(intake),
    cleanups: failing(cleanups),
  }
  const service = await startService(t, { SUBMIT_RETRIES: '1' }, { stores: { ...stores, ...ports } })
  isDown = true
  t.teardown(() => {
    isDown = false
  })
  return service
}

/** A service whose submissions do not end before the test does. */
async function startStuck(t: Test): Promise<Service> {
  const stores = memoryStores()
  const service = await startService(t, { IDEMPOTENCY_WAIT_MS: '1' }, { stores })
  await service.submit(submissions['A formula'])
  const { release } = hold(stores)
  t.teardown(() => release())
  return service
}

async function startAll(t: Test): Promise<Services> {
  const guarded = await startGuarded(t)
  const limited = await startService(t, { RATE_LIMIT_PER_MINUTE: '1' })
  await limited.get('/formulas')
  const overloaded = await startService(t)
  Object.defineProperty(overloaded.app.connections, 'unanswered', { value: () => 1e9 })
  const forwarding = await startService(t, { FORWARD_TO: 'nats://127.0.0.1:1/formulas#default' })
  const weak = newKey(guarded.path, 'weak', 'read,consume')
  guarded.app.apiKeys?.reload()
  return {
    plain: await startService(t),
    guarded,
    weak,
    submitter: guarded.secrets.submit,
    limited,
    failing: await startFailing(t),
    overloaded,
    forwarding,
    stuck: await startStuck(t),
  }
}

/** The codes that the document has an example of, for an operation and by status. */
function codesOf(operation: Operation): ErrorCode[] {
  return Object.keys(examplesOf(operation)).filter((name): name is ErrorCode => name in catalogue)
}

function examplesOf({ responses }: Operation): Record<string, { value: ErrorBody }> {
  const examples = Object.values(responses).map(({ content }) => content?.['application/json']?.examples)
  return Object.assign({}, ...examples)
}

const isPlaced = (body: ErrorBody | undefined): boolean => (body?.details ?? []).length > 0

test('every documented error is met by a request to its operation, or there is a reason why not', async (t) => {
  const services = await startAll(t)
  const document = await readDocument(services.plain.app)
  const conformity = new Conformity(document)
  for (const operation of document.operations) {
    const codes = codesOf(operation)
    t.ok(codes.length >= 2, operation.id)
    for (const code of codes) {
      const name = `${operation.id} ${code}`
      const provoke = PROVOCATIONS[code]
      if (provoke === undefined) {
        t.ok(
          REASONS[code],
          `${name}: test/support/openapi/provocations.ts has neither a request that meets it nor a reason`,
        )
        continue
      }
      const answer = await provoke(services, operation)
      t.match(answer.json(), { code, status: catalogue[code].status }, name)
      t.same(conformity.departures(operation, answer), [], name)
      // The list of failing stores differs between runs.
      if (operation.id === 'getReadiness') continue
      const example = examplesOf(operation)[code]?.value
      t.equal(
        isPlaced(answer.json()),
        isPlaced(example),
        `${name}: src/openapi/error-responses.ts must show a place exactly where the service does`,
      )
    }
  }
})

test('every error of the catalogue is in the document', async (t) => {
  const { app } = await startService(t)
  const document = await readDocument(app)
  const documented = new Set(document.operations.flatMap(codesOf))
  for (const code of Object.keys(catalogue) as ErrorCode[]) t.ok(documented.has(code) || document.general(code), code)
})

test('what leads to no operation is answered as the document says of all', async (t) => {
  const { app, get, send } = await startService(t)
  const document = await readDocument(app)
  const conformity = new Conformity(document)
  t.same(conformity.departuresFrom(document.general('ROUTE_NOT_FOUND'), await get('/nope')), [])
  for (const { path } of document.operations) {
    const answer = await send({ method: 'PATCH', url: path.replace(/{\w+}/, 'x') })
    t.equal(answer.statusCode, 405)
    t.same(conformity.departuresFrom(document.general('METHOD_NOT_ALLOWED'), answer), [], path)
  }
})

test('HEAD is answered as GET is, without a body', async (t) => {
  const { app, get, send } = await startService(t)
  const document = await readDocument(app)
  for (const operation of document.operations) {
    if (operation.method !== 'GET' || operation.path.includes('{')) continue
    const { statusCode, body, headers } = await send({ method: 'HEAD', url: operation.path })
    t.match({ statusCode, body }, { statusCode: 200, body: '' }, operation.id)
    t.match(headers['content-type'], Object.keys(operation.responses[200]?.content ?? {})[0])
    if (operation.path === '/formulas')
      t.equal(headers['content-length'], (await get('/formulas')).headers['content-length'])
  }
  t.equal((await send({ method: 'HEAD', url: '/formulas/x' })).statusCode, 404)
})
