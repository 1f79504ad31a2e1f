import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import type { ErrorCode } from '../../../src/errors/catalogue.ts'
import { submissions } from '../../../src/openapi/examples.ts'
import { type Answer, formula, type Service } from '../http/service.ts'
import type { Operation } from './document.ts'
import { bodyExamples, exampleRequest, type Sent } from './requests.ts'

/** Services in states that cause errors. */
export interface Services {
  plain: Service
  /** Requires keys; `weak` is the secret of one with only the scopes `read` and `consume`. */
  guarded: Service
  weak: string
  submitter: string
  /** A caller has used up its limit. */
  limited: Service
  /** No store answers. */
  failing: Service
  /** Overloaded. */
  overloaded: Service
  /** Forwards its events. */
  forwarding: Service
  /** Its first submission never ends. */
  stuck: Service
}

type Provocation = (services: Services, operation: Operation) => Promise<Answer>

const plainly =
  (change: (request: Sent, operation: Operation) => Sent): Provocation =>
  ({ plain }, operation) =>
    plain.send(change(exampleRequest(operation), operation))

const json = { 'content-type': 'application/json' }

const withBody = (payload: string): Provocation =>
  plainly((request) => ({ ...request, headers: { ...request.headers, ...json }, payload }))

const withQuery = (query: string): Provocation => plainly((request) => ({ ...request, url: `${request.url}?${query}` }))

const withHeaders = (change: (headers: Record<string, string>) => Record<string, string>): Provocation =>
  plainly((request) => ({ ...request, headers: change(request.headers) }))

const material = { name: 'Linalool', concentration: 1 }
const isDerivation = ({ id }: Operation): boolean => id === 'deriveFormula'
const formulaWith =
  (fields: object): Provocation =>
  (services, operation) => {
    const composition = isDerivation(operation) ? { scale: 2 } : { materials: [material] }
    return withBody(JSON.stringify({ name: 'Rose', ...composition, ...fields }))(services, operation)
  }
const changeWith = (fields: object): Provocation => formulaWith({ changes: [fields] })
const materialWith =
  (fields: { name?: unknown; concentration?: unknown; unit?: string }): Provocation =>
  (services, operation) => {
    const { name, concentration: set, ...rest } = { ...material, ...fields }
    const body = isDerivation(operation)
      ? { changes: [{ material: name, set, ...rest }] }
      : { materials: [{ ...material, ...fields }] }
    return formulaWith(body)(services, operation)
  }
/** A derivation whose parent is stored. */
const derivationWith =
  (fields: object): Provocation =>
  async (services, operation) => {
    await services.plain.submit(submissions['A formula'])
    const body = { name: 'Rose', ...fields }
    return services.plain.send(exampleRequest(operation, { 'Idempotency-Key': 'free' }, body))
  }

/** How to provoke each error code, at any operation that documents it. */
export const PROVOCATIONS: Partial<Record<ErrorCode, Provocation>> = {
  INVALID_JSON: withBody('{'),
  IDEMPOTENCY_KEY_MISSING: withHeaders(({ 'Idempotency-Key': _, ...headers }) => headers),
  IDEMPOTENCY_KEY_INVALID: withHeaders((headers) => ({ ...headers, 'Idempotency-Key': 'a b' })),
  FORMULA_NAME_MISSING: formulaWith({ name: undefined }),
  FORMULA_MATERIALS_MISSING: formulaWith({ materials: undefined }),
  FORMULA_NAME_NOT_STRING: formulaWith({ name: 5 }),
  FORMULA_MATERIALS_NOT_LIST: formulaWith({ materials: {} }),
  FORMULA_NAME_INVALID: formulaWith({ name: ' ' }),
  FORMULA_MATERIALS_COUNT: formulaWith({ materials: [] }),
  FORMULA_FIELD_UNKNOWN: formulaWith({ colour: 'red' }),
  FORMULA_NOT_OBJECT: withBody('[5]'),
  FORMULA_LIST_TOO_LONG: withBody(`[${'0,'.repeat(1_000)}0]`),
  MATERIAL_NOT_OBJECT: formulaWith({ materials: [5] }),
  MATERIAL_NAME_MISSING: materialWith({ name: undefined }),
  MATERIAL_CONCENTRATION_MISSING: materialWith({ concentration: undefined }),
  MATERIAL_NAME_NOT_STRING: materialWith({ name: 5 }),
  MATERIAL_NAME_INVALID: materialWith({ name: '' }),
  MATERIAL_CONCENTRATION_NOT_DECIMAL: materialWith({ concentration: 'strong' }),
  MATERIAL_FIELD_UNKNOWN: materialWith({ unit: '%' }),
  MATERIAL_DUPLICATE: formulaWith({ materials: [material, material] }),
  METADATA_INVALID: formulaWith({ metadata: { client: 5 } }),
  CHANGES_INVALID: changeWith({ material: 'Linalool' }),
  MATERIAL_NOT_IN_FORMULA: derivationWith({ changes: [{ material: 'Iris', remove: true }] }),
  CONCENTRATION_NOT_POSITIVE: derivationWith({ changes: [{ material: 'Linalool', subtract: 9 }] }),
  CONCENTRATION_TOO_LONG: derivationWith({ scale: '1e-12' }),
  VALIDATION_FAILED: (services, operation) => {
    const isInBody =
      operation.requestBody !== undefined &&
      !['submitFormulas', 'checkFormulas', 'deriveFormula'].includes(operation.id)
    return (isInBody ? withBody('{"colour":"red"}') : withQuery('colour=red'))(services, operation)
  },
  CURSOR_INVALID: withQuery('cursor=x'),
  BAD_REQUEST: ({ plain }, { method, path }) => withTwoHosts(plain.app, `${method} ${path}`),
  UNAUTHORIZED: ({ guarded }, operation) => guarded.send(exampleRequest(operation)),
  FORBIDDEN: ({ guarded, weak, submitter }, operation) => {
    const isForSubmitters = operation.security.some(({ apiKey }) => apiKey.includes('submit'))
    return guarded.as(isForSubmitters ? weak : submitter).send(exampleRequest(operation))
  },
  CROSS_SITE: withHeaders((headers) => ({ ...headers, 'Sec-Fetch-Site': 'cross-site' })),
  HOST_NOT_ALLOWED: withHeaders((headers) => ({ ...headers, Host: 'other.example' })),
  FORMULA_NOT_FOUND: ({ plain }, operation) =>
    plain.send(exampleRequest(operation, { id: 'f'.repeat(64), 'Idempotency-Key': 'free' })),
  SUBMISSION_NOT_FOUND: ({ plain }, operation) => plain.send(exampleRequest(operation, { key: 'unknown' })),
  EVENT_NOT_FOUND: plainly((request) => request),
  SUBSCRIPTION_NOT_FOUND: ({ plain }, operation) => {
    const [, example] = bodyExamples(operation)[0] ?? []
    const inBody = operation.path.startsWith('/events/') && example !== undefined
    const body = inBody ? { ...example, subscription: 'none' } : undefined
    return plain.send(exampleRequest(operation, { name: 'none', subscription: 'none' }, body))
  },
  CLEANUP_NOT_FOUND: plainly((request) => request),
  async FORMULA_EXISTS({ plain }, operation) {
    if (isDerivation(operation)) {
      await plain.submit(submissions['A formula'])
      await plain.send(exampleRequest(operation, { 'Idempotency-Key': 'first' }))
      return plain.send(exampleRequest(operation, { 'Idempotency-Key': 'second' }))
    }
    await plain.submit(formula(1))
    return withBody(JSON.stringify(formula(1)))({ plain } as Services, operation)
  },
  IDEMPOTENCY_KEY_IN_USE({ stuck }, operation) {
    const submit = (): Promise<Answer> => stuck.send(exampleRequest(operation, { 'Idempotency-Key': operation.id }))
    return Promise.race([submit(), submit()])
  },
  async SUBSCRIPTION_REFUSED({ plain }, operation) {
    if (operation.method === 'DELETE') return plain.send(exampleRequest(operation, { name: 'default' }))
    for (let n = 1; n < 100; n++) await plain.send({ method: 'PUT', url: `/subscriptions/s${n}` })
    return plain.send(exampleRequest(operation))
  },
  EVENTS_FORWARDED: ({ forwarding }, operation) => forwarding.send(exampleRequest(operation)),
  PAYLOAD_TOO_LARGE: withBody(`"${'x'.repeat(2_000_000)}"`),
  URI_TOO_LONG: plainly((request, { path }) => ({ ...request, url: path.replace(/{\w+}/, 'x'.repeat(9_000)) })),
  UNSUPPORTED_MEDIA_TYPE: plainly((request) => ({
    ...request,
    headers: { ...request.headers, 'content-type': 'text/plain' },
    payload: 'x',
  })),
  async IDEMPOTENCY_KEY_REUSED({ plain }, operation) {
    await plain.submit(formula(2), { key: 'reused' })
    const request = exampleRequest(operation)
    return plain.send({ ...request, headers: { ...request.headers, 'Idempotency-Key': 'reused' } })
  },
  async FORMULA_ERASED({ plain }, operation) {
    if (isDerivation(operation)) {
      const [, body] = bodyExamples(operation)[1] ?? []
      const request = exampleRequest(operation, { 'Idempotency-Key': 'derived' }, body)
      const { id } = (await plain.send(request)).json().formulas[0]
      await plain.send({ method: 'DELETE', url: `/formulas/${id}` })
      return plain.send({ ...request, payload: ` ${request.payload}` })
    }
    const { id } = (await plain.submit(formula(3), { key: 'erased' })).json().formulas[0]
    await plain.send({ method: 'DELETE', url: `/formulas/${id}` })
    const request = exampleRequest(operation)
    // With other bytes, or the cache of recent answers would reply.
    const headers = { ...request.headers, ...json, 'Idempotency-Key': 'erased' }
    return plain.send({ ...request, headers, payload: ` ${JSON.stringify(formula(3))}` })
  },
  RATE_LIMITED: ({ limited }, operation) => limited.send(exampleRequest(operation)),
  SUBMISSION_FAILED: ({ failing }, operation) => failing.send(exampleRequest(operation)),
  SERVICE_OVERLOADED: ({ overloaded }, operation) => overloaded.send(exampleRequest(operation)),
  STORE_UNAVAILABLE: ({ failing }, operation) => failing.send(exampleRequest(operation)),
}

/** Why no request here provokes these. */
export const REASONS: Partial<Record<ErrorCode, string>> = {
  INTERNAL_ERROR: 'no request is known to cause an unplanned error; test/http/plugins.test.ts shows its shape',
  SERVICE_STOPPING: 'a service that closes takes no connection; test/http/connections.test.ts shows who still gets it',
}

/** The answer to a request with two Host headers, which must be sent as raw bytes. */
async function withTwoHosts(app: FastifyInstance, line: string): Promise<Answer> {
  if (!app.server.listening) await app.listen({ port: 0 })
  const socket = connect((app.server.address() as { port: number }).port, '127.0.0.1')
  socket.write(`${line} HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
  const [status = '', ...lines] = head.split('\r\n')
  const headers = lines.map((line) => line.split(': ', 2) as [string, string])
  return {
    statusCode: Number(status.split(' ')[1]),
    headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])),
    body,
    json: () => JSON.parse(body),
  } as Answer
}
