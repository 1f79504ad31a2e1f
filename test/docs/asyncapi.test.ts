import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Parser } from '@asyncapi/parser'
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import { test } from 'tap'
import { asyncApi, cloudEvent } from '../../docs/asyncapi.ts'
import { type CloudEvent, toCloudEvent } from '../../src/outbox/message.ts'
import type { FormulaEvent } from '../../src/stores/ports.ts'
import { events, NOON, TRACEPARENT } from '../contract/submissions.ts'
import { root } from '../support/docs/pages.ts'

test('docs/asyncapi.json is the document of this version; `npm run openapi` writes it', async (t) => {
  const kept = readFileSync(join(root, 'docs/asyncapi.json'), 'utf8')
  t.same(JSON.parse(kept), JSON.parse(JSON.stringify(asyncApi())))
})

test('the document is valid AsyncAPI 3', async (t) => {
  const { document, diagnostics } = await new Parser().parse(JSON.stringify(asyncApi()))
  const isProblem = ({ severity }: { severity: number }): boolean => severity <= 1
  t.same(diagnostics.filter(isProblem), [])
  t.equal(document?.version(), '3.0.0')
  t.same(
    document?.channels().map((channel) => channel.id()),
    ['sqs', 'webhook', 'nats'],
  )
})

test('what sinks send has the fields of the document, and no others', async (t) => {
  const strict = { ...cloudEvent, additionalProperties: false }
  const ajv = new Ajv({ strict: false })
  formats.default(ajv)
  const isDescribed = ajv.compile({
    ...strict,
    properties: { ...strict.properties, data: { ...strict.properties.data, additionalProperties: false } },
  })
  const sent = (event: FormulaEvent): CloudEvent => JSON.parse(JSON.stringify(toCloudEvent(event, '/formulas')))
  const [plain, traced] = [...events('a'), ...events('b', NOON, TRACEPARENT)] as [FormulaEvent, FormulaEvent]
  for (const event of [plain, traced]) t.ok(isDescribed(sent(event)), JSON.stringify(isDescribed.errors))
  t.notOk(isDescribed({ ...sent(plain), other: 1 }))
})
