import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import { test } from 'tap'
import { toCloudEvent } from '../../src/outbox/message.ts'
import type { FormulaEvent } from '../../src/stores/ports.ts'
import { events, idOf, NOON, TRACEPARENT } from '../contract/submissions.ts'

/** The schema of the specification: github.com/cloudevents/spec, cloudevents/formats/cloudevents.json. */
const schema = JSON.parse(readFileSync(join(import.meta.dirname, 'cloudevents.schema.json'), 'utf8'))
const ajv = new Ajv({ strict: false })
formats.default(ajv)
const isCloudEvent = ajv.compile(schema)

const sent = (event: FormulaEvent, source = '/formulas') => JSON.parse(JSON.stringify(toCloudEvent(event, source)))

test('what is sent is a CloudEvent of version 1.0 in structured JSON, with the event as its data', async (t) => {
  const [plain, traced] = [...events('a'), ...events('b', NOON, TRACEPARENT)] as [FormulaEvent, FormulaEvent]
  const time = '2026-01-31T12:00:00.000Z'
  t.same(sent(plain, 'https://intake.example/eu'), {
    specversion: '1.0',
    id: idOf('a'),
    source: 'https://intake.example/eu',
    type: 'formula.created',
    subject: idOf('a'),
    time,
    datacontenttype: 'application/json',
    data: { id: idOf('a'), name: 'a', createdAt: time },
  })
  t.match(sent(traced), { traceparent: TRACEPARENT, data: { id: idOf('b') } })
  t.notOk('traceparent' in sent(traced).data)
})

test('the schema of CloudEvents accepts what is sent, traced or not', async (t) => {
  for (const event of [...events(['Rose', '\u{1f339} \ufffe"\\']), ...events('b', NOON, TRACEPARENT)]) {
    for (const source of ['/formulas', 'https://intake.example/eu', 'urn:intake']) {
      t.ok(isCloudEvent(sent(event, source)), JSON.stringify(isCloudEvent.errors))
    }
  }
  t.notOk(isCloudEvent({ ...sent(events('a')[0] as FormulaEvent), source: '' }), 'and does not accept everything')
})

test('names of attributes are those that every binding can carry', async (t) => {
  const [traced] = events('b', NOON, TRACEPARENT) as [FormulaEvent]
  for (const name of Object.keys(sent(traced))) t.match(name, /^[a-z0-9]{1,20}$/)
})
