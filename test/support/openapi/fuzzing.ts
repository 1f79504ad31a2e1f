import fc, { type Arbitrary } from 'fast-check'
import { event, receipt } from '../../../src/openapi/examples.ts'
import type { Answer, Client } from '../http/service.ts'
import { valuesOf } from './arbitraries.ts'
import type { Document, Operation } from './document.ts'
import { mutations, type Wire } from './mutations.ts'
import { parameterExamples, requestTo } from './requests.ts'

/** A request generated from the document, mutated or not. */
export interface Fuzzed {
  operation: string
  isValid: boolean
  request: Wire
  /** Chooses the real ids and receipts that replace those of examples. */
  pick: number
}

/** Requests to all operations of a document. */
export function fuzzedRequests(document: Document): Arbitrary<Fuzzed> {
  return fc.oneof(...document.operations.map((operation) => fuzzedRequest(document, operation)))
}

function fuzzedRequest(document: Document, operation: Operation): Arbitrary<Fuzzed> {
  const valid = validRequest(document, operation)
  const base = { operation: fc.constant(operation.id), pick: fc.nat() }
  const mutated = fc.tuple(valid, mutations).map(([request, mutate]) => mutate(request))
  return fc.oneof(
    { arbitrary: fc.record({ ...base, isValid: fc.constant(true), request: valid }), weight: 2 },
    { arbitrary: fc.record({ ...base, isValid: fc.constant(false), request: mutated }), weight: 3 },
  )
}

function validRequest(document: Document, operation: Operation): Arbitrary<Wire> {
  const { parameters, requestBody } = operation
  const values = parameters.map((parameter) => {
    const { in: place, name, schema } = parameter
    const examples = parameterExamples(parameter)
    const made = valuesOf(document, { ...(schema as object), examples }) as Arbitrary<string>
    // URLs resolve segments of dots alone, and HTTP strips blanks around the value of a header.
    if (place === 'path') return [name, made.filter((text) => !/^\.{0,2}$/.test(text))] as const
    return [name, place === 'header' ? made.filter((text) => /^[\x21-\x7e]+$/.test(text)) : made] as const
  })
  const requiredKeys = parameters.filter(({ required }) => required).map(({ name }) => name)
  const schema = requestBody?.content['application/json']?.schema
  const body = schema === undefined ? fc.constant(undefined) : valuesOf(document, schema)
  const given = requestBody?.required ? body : fc.option(body, { nil: undefined })
  return fc
    .tuple(fc.record(Object.fromEntries(values), { requiredKeys }), given)
    .map(([parameters, body]) => requestTo(operation, parameters, withoutWait(body)))
}

/** Requests do not wait for events here: that would take real time. */
function withoutWait(body: unknown): unknown {
  const hasWait = typeof body === 'object' && body !== null && 'waitSeconds' in body
  return hasWait ? { ...body, waitSeconds: 0 } : body
}

/** Sends fuzzed requests; replaces the ids and receipts of examples with real ones from earlier answers to such a path. */
export class Sender {
  readonly #client: Client
  /** By the first segment of the path. */
  readonly #ids = new Map<string, string[]>()
  readonly #receipts: string[] = [receipt]

  constructor(client: Client) {
    this.#client = client
  }

  async send({ request, pick }: Fuzzed): Promise<{ sent: Wire; answer: Answer }> {
    const [, kind = ''] = request.url.split(/[/?]/)
    const ids = this.#ids.get(kind) ?? [event.id]
    this.#ids.set(kind, ids)
    const one = (known: string[]): string => known[pick % known.length] as string
    const real = (text: string): string => text.replaceAll(event.id, one(ids)).replaceAll(receipt, one(this.#receipts))
    const { url, payload } = request
    const sent = { ...request, url: real(url), ...(typeof payload === 'string' && { payload: real(payload) }) }
    const answer = await this.#client.send(sent)
    for (const [, field, value] of answer.body.matchAll(/"(id|receipt)":"(\w[\w-]+)"/g)) {
      // The document is an answer, too: its examples are not real.
      if (value === event.id || value === receipt) continue
      if (answer.statusCode === 200) (field === 'id' ? ids : this.#receipts).unshift(value as string)
    }
    return { sent, answer }
  }
}
