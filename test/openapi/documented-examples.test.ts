import { test } from 'tap'
import { catalogue, type ErrorCode } from '../../src/errors/catalogue.ts'
import type { ErrorBody } from '../../src/errors/service-error.ts'
import { submissions } from '../../src/openapi/examples.ts'
import { type Service, startService } from '../support/http/service.ts'
import { Conformity } from '../support/openapi/conformity.ts'
import { readDocument, type Schema } from '../support/openapi/document.ts'
import { exampleRequests, parameterExamples } from '../support/openapi/requests.ts'

/** Each schema within a value that has examples of its own. */
function* schemasWithExamples(value: unknown): Generator<{ examples: unknown[] } & Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return
  if ('examples' in value && Array.isArray(value.examples)) yield value as { examples: unknown[] }
  for (const part of Object.values(value)) yield* schemasWithExamples(part)
}

/** Creates the state that an operation's examples require. */
const PREPARATIONS: Record<string, (service: Service) => Promise<unknown>> = {
  deriveFormula: ({ submit }) => submit(submissions['A formula']),
  eraseFormula: ({ submit }) => submit(submissions['A formula']),
  getFormula: ({ submit }) => submit(submissions['A formula']),
  listDeliveries: ({ submit }) => submit(submissions['A formula']),
  getSubmission: ({ submit }) => submit(submissions['A formula'], { key: 'order-1' }),
  receiveEvents: ({ submit }) => submit(submissions['A formula']),
  async deleteDeadLetter({ submit, post }) {
    await submit(submissions['A formula'])
    const { events } = (await post('/events/receive')).json()
    await post('/events/nack', { receipts: [events[0].receipt] })
  },
  ...Object.fromEntries(
    ['seekSubscription', 'pauseSubscription', 'resumeSubscription', 'deleteSubscription'].map((operation) => [
      operation,
      ({ send }: Service) => send({ method: 'PUT', url: '/subscriptions/erp' }),
    ]),
  ),
  // A rollback is pending only after a store has failed between two steps.
  async retryCleanup({ app }) {
    app.engines.cleanups.retry = async () => true
  },
}

/** Operations whose examples cannot succeed twice on one store. */
const ONCE = ['submitFormulas', 'deriveFormula', 'eraseFormula', 'listDeliveries', 'receiveEvents', 'deleteDeadLetter']

test('every example of a request is answered as documented', async (t) => {
  const start = () => startService(t, { EVENT_MAX_RECEIVES: '1' })
  const shared = await start()
  const document = await readDocument(shared.app)
  const conformity = new Conformity(document)
  for (const operation of document.operations) {
    for (const [name, request] of exampleRequests(operation)) {
      const service = ONCE.includes(operation.id) ? await start() : shared
      await PREPARATIONS[operation.id]?.(service)
      const answer = await service.send(request)
      t.match(String(answer.statusCode), /^2|304/, `${operation.id}, ${name}: ${answer.body.slice(0, 200)}`)
      t.same(conformity.departures(operation, answer), [], `${operation.id}, ${name}`)
    }
  }
})

test('every example is valid by its schema', async (t) => {
  const { app } = await startService(t)
  const document = await readDocument(app)
  const conformity = new Conformity(document)
  let checked = 0
  const check = (schema: Schema, value: unknown, name: string): void => {
    checked++
    t.same(conformity.problemsOf(schema, value), [], `${name}: ${JSON.stringify(value)}`)
  }
  for (const { examples, ...schema } of schemasWithExamples(document.text)) {
    for (const example of examples) check(schema, example, 'a schema')
  }
  for (const { id, parameters, requestBody, responses } of document.operations) {
    for (const parameter of parameters) {
      for (const value of parameterExamples(parameter)) check(parameter.schema, value, `${id} ${parameter.name}`)
    }
    for (const { content = {} } of [requestBody ?? {}, ...Object.values(responses)]) {
      for (const { schema, examples = {} } of Object.values(content)) {
        for (const [name, { value }] of Object.entries(examples)) check(schema, value, `${id} ${name}`)
      }
    }
  }
  t.ok(checked > 200, `${checked} examples`)
})

test('every operation has an example of each body and of each answer', async (t) => {
  const { app } = await startService(t)
  for (const { id, requestBody, responses } of (await readDocument(app)).operations) {
    if (id === 'getDocument') continue
    for (const { content = {} } of [requestBody ?? {}, ...Object.values(responses)]) {
      for (const media of Object.values(content)) t.ok(Object.keys(media.examples ?? {}).length > 0, id)
    }
  }
})

test('the examples of errors have the status, the text and the code of the catalogue', async (t) => {
  const { app } = await startService(t)
  for (const { id, responses } of (await readDocument(app)).operations) {
    for (const [status, { content }] of Object.entries(responses)) {
      if (Number(status) < 400) continue
      for (const [code, example] of Object.entries(content?.['application/json']?.examples ?? {})) {
        const value = example.value as ErrorBody
        t.match(value, { code, ...catalogue[code as ErrorCode] }, `${id} ${code}`)
        t.equal(value.status, Number(status))
      }
    }
  }
})
