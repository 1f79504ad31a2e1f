import fc, { type Arbitrary } from 'fast-check'
import type { InjectOptions } from 'fastify'

/** A request that may be anything but well-formed. */
export interface Wire {
  method: NonNullable<InjectOptions['method']>
  url: string
  headers: Record<string, string | string[]>
  payload?: string | Buffer
}

type Mutation = (request: Wire) => Wire
type Tree = Record<string, unknown> | unknown[]

const HUGE = 'x'.repeat(1_100_000)
const JUNK = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  '',
  ' ',
  '5',
  '\u0000',
  '\ud800',
  '😀'.repeat(201),
  [],
  {},
  [[]],
  { name: 1 },
]
const FIELDS = ['colour', '__proto__', 'constructor', '', 'id', 'toString', '/~']
const TYPES = [
  'text/plain',
  'application/json; charset=latin1',
  'application/jsonp',
  'application/x-www-form-urlencoded',
  '',
]
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

/** Changes of one place in a JSON body. */
const inTree: Arbitrary<(parent: Tree, key: string) => void> = fc.oneof(
  fc.constantFrom(...JUNK).map((junk) => (parent: Tree, key: string) => void Reflect.set(parent, key, junk)),
  fc.jsonValue({ maxDepth: 3 }).map((value) => (parent: Tree, key: string) => void Reflect.set(parent, key, value)),
  fc.constant((parent: Tree, key: string) => void Reflect.deleteProperty(parent, key)),
  fc.constantFrom(...FIELDS).map((field) => (parent: Tree) => {
    Object.defineProperty(parent, field, { value: 1, enumerable: true, configurable: true, writable: true })
  }),
  fc.constantFrom(101, 501, 1_001).map((times) => (parent: Tree, key: string) => {
    const value = Reflect.get(parent, key)
    if (Array.isArray(value)) Reflect.set(parent, key, Array(times).fill(value[0]))
  }),
  fc.constantFrom(Number.MIN_VALUE, 1e12, 1e12 + 0.5, 20, 21, 100, 101, 43_200, 43_201, -0).map((number) => {
    return (parent: Tree, key: string) => void Reflect.set(parent, key, number)
  }),
)

/** Every place in a value, as its container and key. */
function placesOf(value: unknown): [parent: Tree, key: string][] {
  if (typeof value !== 'object' || value === null) return []
  const tree = value as Tree
  return Object.keys(tree).flatMap((key) => [[tree, key] as [Tree, string], ...placesOf(Reflect.get(tree, key))])
}

const changedBody: Arbitrary<Mutation> = fc.tuple(inTree, fc.nat()).map(([change, place]) => (request) => {
  const holder = { body: JSON.parse(String(request.payload ?? '{}')) as unknown }
  const places = placesOf(holder)
  const [parent, key] = places[place % places.length] as [Tree, string]
  change(parent, key)
  const headers = { ...request.headers, 'content-type': 'application/json' }
  return { ...request, headers, payload: JSON.stringify(holder.body) ?? '' }
})

const payloads: Arbitrary<(text: string) => string | Buffer> = fc.oneof(
  fc.nat().map((at) => (text: string) => text.slice(0, at % (text.length + 1))),
  fc.tuple(fc.nat(), fc.string({ maxLength: 3 })).map(([at, more]) => (text: string) => {
    const place = at % (text.length + 1)
    return text.slice(0, place) + more + text.slice(place)
  }),
  fc
    .constantFrom('', ' ', 'null', '5', '"x"', 'NaN', '[]', '{}', '[[]]', '\ufeff{}', '['.repeat(50_000))
    .map((text) => () => text),
  fc.constant(() => Buffer.from([0x22, 0xff, 0x22])),
  fc.json().map((text) => () => text),
)

const otherPayload: Arbitrary<Mutation> = payloads.map((change) => (request) => ({
  ...request,
  headers: { ...request.headers, 'content-type': 'application/json' },
  payload: change(String(request.payload ?? '{}')),
}))

const HEADERS: Record<string, string | string[]>[] = [
  ...TYPES.map((type) => ({ 'content-type': type })),
  ...['a b', '"', '""', 'x'.repeat(256), 'é', ''].map((key) => ({ 'Idempotency-Key': key })),
  ...['', 'é', 'x'.repeat(129), 'a b'].map((id) => ({ 'X-Request-Id': id })),
  ...['Bearer', 'Bearer x', 'Basic eDp5'].map((authorization) => ({ authorization })),
  { 'Idempotency-Key': ['a', 'b'] },
  { 'content-encoding': 'gzip' },
  { range: 'bytes=0-', 'if-none-match': '*', 'x-http-method-override': 'DELETE' },
]

const otherHeaders: Arbitrary<Mutation> = fc.constantFrom(...HEADERS).map((more) => (request) => {
  return { ...request, headers: { ...request.headers, ...more } }
})

const fewerHeaders: Arbitrary<Mutation> = fc
  .constantFrom('Idempotency-Key', 'content-type')
  .map((name) => (request) => {
    const { [name]: _, ...headers } = request.headers
    return { ...request, headers }
  })

const otherUrl: Arbitrary<Mutation> = fc
  .constantFrom(
    ...[
      '?colour=red',
      '?limit=0',
      '?limit=201',
      '?limit=1e1',
      '?limit=5&limit=6',
      '?limit=',
      '?cursor=x',
      '?cursor=a&cursor=b',
    ],
    ...[
      '?onDuplicate=maybe',
      '?onDuplicate=skip&onDuplicate=skip',
      `?name=${'x'.repeat(401)}`,
      '?__proto__=1',
      '?%zz',
      '?',
    ],
    ...['/', '/x', '/%zz', '%20', '//', ';a=b', '.json'],
  )
  .map((end) => (request) => ({ ...request, url: `${request.url.split('?', 1)[0]}${end}` }))

const longUrl: Arbitrary<Mutation> = fc.constant((request) => ({
  ...request,
  url: request.url.replace(/\w+$/, 'x'.repeat(8_193)),
}))

const otherMethod: Arbitrary<Mutation> = fc
  .constantFrom(...METHODS)
  .map((method) => (request) => ({ ...request, method }))

const huge: Arbitrary<Mutation> = fc.constant((request) => ({
  ...request,
  headers: { ...request.headers, 'content-type': 'application/json' },
  payload: JSON.stringify({ name: HUGE }),
}))

/** The mutations of a request. */
export const mutations: Arbitrary<Mutation> = fc.oneof(
  { arbitrary: changedBody, weight: 40 },
  { arbitrary: otherPayload, weight: 12 },
  { arbitrary: otherHeaders, weight: 10 },
  { arbitrary: fewerHeaders, weight: 5 },
  { arbitrary: otherUrl, weight: 15 },
  { arbitrary: otherMethod, weight: 8 },
  { arbitrary: longUrl, weight: 2 },
  { arbitrary: huge, weight: 1 },
)
