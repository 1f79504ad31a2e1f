import type { ErrorCode } from '../../../src/errors/catalogue.ts'
import type { Answer } from '../http/service.ts'
import { asWritten, Conformity } from './conformity.ts'
import type { Document, Operation, Parameter } from './document.ts'
import type { Wire } from './mutations.ts'

/** Errors of requests that match the document's schemas but break rules that no schema can express. */
const BEYOND_SCHEMAS: ErrorCode[] = [
  'MATERIAL_DUPLICATE',
  'MATERIAL_CONCENTRATION_NOT_DECIMAL',
  'CHANGES_INVALID',
  'MATERIAL_NOT_IN_FORMULA',
  'CONCENTRATION_NOT_POSITIVE',
  'CONCENTRATION_TOO_LONG',
  'CURSOR_INVALID',
]

/** Checks answers against the document. */
export class Judge {
  readonly #document: Document
  readonly #conformity: Conformity
  readonly #paths: [pattern: RegExp, path: string][]

  constructor(document: Document) {
    this.#document = document
    this.#conformity = new Conformity(document)
    const paths = new Set(document.operations.map(({ path }) => path))
    this.#paths = [...paths].map((path) => [
      new RegExp(`^${path.replace('.', '\\.').replace(/{\w+}/, '(?:[^/]+|(?=/))')}/?$`),
      path,
    ])
  }

  /** The operation of a request, if there is one. HEAD counts as GET. */
  operationOf({ method, url }: Wire): Operation | undefined {
    const path = url.split('?', 1)[0] as string
    const matching = this.#paths.filter(([pattern]) => pattern.test(path)).map(([, template]) => template)
    // `/events/dead/redrive` is no id of a dead letter where both would fit.
    const asked = method === 'HEAD' ? 'GET' : method
    return this.#document.operations.find((one) => one.method === asked && matching.includes(one.path))
  }

  /** @param isValid whether the request was generated from the document and not mutated */
  faults(request: Wire, isValid: boolean, answer: Answer): string[] {
    const { statusCode } = answer
    if (statusCode >= 500) return [`status ${statusCode}`]
    const operation = this.operationOf(request)
    if (request.method === 'HEAD')
      return operation !== undefined && !(statusCode in operation.responses) ? ['status'] : []
    const code = statusCode >= 400 ? (answer.json().code as ErrorCode) : undefined
    if (operation === undefined) return this.#conformity.departuresFrom(this.#document.general(String(code)), answer)
    const departures = this.#conformity.departures(operation, answer)
    if (code === undefined)
      departures.push(...this.#problemsOf(operation, request).map((one) => `accepted, though ${one}`))
    if (isValid && statusCode === 400 && !BEYOND_SCHEMAS.includes(code as ErrorCode))
      departures.push('refused, though valid')
    return departures
  }

  /** Where a request is not what its operation asks for. */
  #problemsOf(operation: Operation, { url, headers, payload = '' }: Wire): string[] {
    const query = new URLSearchParams(url.split('?')[1])
    const inQuery = operation.parameters.filter((parameter) => parameter.in === 'query')
    const inHeaders = operation.parameters.filter((parameter) => parameter.in === 'header')
    const unknown = [...query.keys()].filter((name) => !inQuery.some((one) => one.name === name))
    return [
      ...unknown.map((name) => `${name} is unknown`),
      ...inQuery.flatMap((parameter) => this.#wrongParameter(parameter, query.getAll(parameter.name))),
      ...inHeaders.flatMap((parameter) => this.#wrongParameter(parameter, [headers[parameter.name] ?? []].flat())),
      // In UTF-8, as it was sent: half a surrogate pair is U+FFFD there.
      ...this.#wrongBody(operation, String(Buffer.from(payload))),
    ]
  }

  #wrongParameter({ name, required, schema }: Parameter, values: string[]): string[] {
    if (values.length > 1) return [`${name} was sent twice`]
    if (values.length === 0) return required ? [`${name} is missing`] : []
    return this.#conformity.problemsOf(schema, asWritten(schema, values[0] as string))
  }

  #wrongBody({ requestBody }: Operation, text: string): string[] {
    if (requestBody === undefined) return []
    if (text === '') return requestBody.required ? ['there is no body'] : []
    const { schema = true } = requestBody.content['application/json'] ?? {}
    return this.#conformity.problemsOf(schema, JSON.parse(text.replace(/^\ufeff/, '')))
  }
}
