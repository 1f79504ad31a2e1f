import type { Operation, Parameter } from './document.ts'

/** A request, as `inject` takes it. */
export interface Sent {
  method: Operation['method']
  url: string
  headers: Record<string, string>
  payload?: string
}

/** Values for the parameters of an operation, by their name. */
type Values = Record<string, unknown>

/** A request to an operation. A body is sent as JSON; none when it is undefined. */
export function requestTo({ method, path, parameters }: Operation, values: Values, body?: unknown): Sent {
  const given = parameters.filter(({ name }) => values[name] !== undefined)
  const inPlace = (place: Parameter['in']) =>
    given.filter((parameter) => parameter.in === place).map(({ name }) => [name, String(values[name])] as const)
  const query = new URLSearchParams(inPlace('query') as [string, string][]).toString()
  const filled = inPlace('path').reduce(
    (url, [name, value]) => url.replace(`{${name}}`, encodeURIComponent(value)),
    path,
  )
  const headers = Object.fromEntries(inPlace('header'))
  return {
    method,
    url: query === '' ? filled : `${filled}?${query}`,
    headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
    ...(body !== undefined && { payload: JSON.stringify(body) }),
  }
}

export const parameterExamples = ({ example, examples = {} }: Parameter): unknown[] =>
  example === undefined ? Object.values(examples).map(({ value }) => value) : [example]

export const bodyExamples = ({ requestBody }: Operation): [name: string, body: unknown][] =>
  Object.entries(requestBody?.content['application/json']?.examples ?? {}).map(([name, { value }]) => [name, value])

/** A request with the examples of an operation's required parameters and body, and the given values. */
export function exampleRequest(operation: Operation, more: Values = {}, body?: unknown): Sent {
  const required = operation.parameters.filter((parameter) => parameter.required)
  const values = Object.fromEntries(required.map((parameter) => [parameter.name, parameterExamples(parameter)[0]]))
  const [first] = operation.requestBody?.required ? bodyExamples(operation) : []
  return requestTo(operation, { ...values, ...more }, body ?? first?.[1])
}

/** Requests that hold each example of an operation's parameters and bodies, none of them twice. */
export function exampleRequests(operation: Operation): [name: string, request: Sent][] {
  const requests: [string, Sent][] = [['what is required', exampleRequest(operation)]]
  for (const parameter of operation.parameters) {
    for (const value of parameterExamples(parameter)) {
      requests.push([`${parameter.name}: ${value}`, exampleRequest(operation, { [parameter.name]: value })])
    }
  }
  for (const [name, body] of bodyExamples(operation)) requests.push([name, exampleRequest(operation, {}, body)])
  return [...new Map(requests.map((request) => [JSON.stringify(request[1]), request])).values()]
}
