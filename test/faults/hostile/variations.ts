import fc from 'fast-check'
import { seed } from '../extent.ts'
import { type BadRequest, head, type Subject, subject } from './bad-requests.ts'

/** Bytes as they stand in a header, those that end a line among them. */
const wild = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.constantFrom(
    'a\r\nX-Injected: 1',
    'a\nIdempotency-Key: b',
    '\r\n\r\n',
    'a\0b',
    '"',
    '\\',
    '%0d%0a',
    '\x7f',
    '\t',
    'é',
    '__proto__',
  ),
)

const name = fc.oneof(
  fc.stringMatching(/^[A-Za-z-]{1,20}$/),
  wild,
  fc.constantFrom(
    'Content-Length',
    'Transfer-Encoding',
    'Expect',
    'Content-Type',
    'Connection',
    'Host',
    'Upgrade',
    'Idempotency-Key',
    'Content-Encoding',
    '__proto__',
    'Trailer',
    'TE',
    'X-Request-Id',
  ),
)

const line = fc.tuple(name, fc.constantFrom(': ', ':', ' : ', '\t:', ' ', ''), wild).map((parts) => parts.join(''))

const first = fc.tuple(
  fc.constantFrom('POST', 'PUT', 'GET', 'DELETE', 'PATCH', 'OPTIONS', 'POST ', 'post', 'P\0ST'),
  fc.oneof(
    fc.constantFrom(
      '/formulas',
      '/events/receive',
      '/events/dead/redrive',
      '/cleanups/x/retry',
      '/formulas?onDuplicate=skip',
    ),
    wild.map((text) => `/formulas/${text}`),
    wild.map((text) => `/formulas?${text}`),
    wild.map((text) => `/events/dead/${text}`),
    wild,
  ),
  fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', ''),
)

/** What is done to a JSON text. */
const damage = fc.oneof(
  fc.tuple(fc.nat(), wild).map(
    ([at, text]) =>
      (body: string) =>
        splice(body, at, 0, text),
  ),
  fc.tuple(fc.nat(), fc.integer({ min: 1, max: 9 })).map(
    ([at, length]) =>
      (body: string) =>
        splice(body, at, length, ''),
  ),
  fc.jsonValue().map((value) => () => JSON.stringify(value)),
  fc.tuple(fc.nat(), fc.jsonValue()).map(
    ([at, value]) =>
      (body: string) =>
        splice(body, at, 1, JSON.stringify(value)),
  ),
)

const splice = (text: string, at: number, length: number, by: string): string => {
  const place = at % (text.length + 1)
  return text.slice(0, place) + by + text.slice(place + length)
}

type Vary = (about: Subject) => (Buffer | string)[]

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
const length = (body: Buffer): string => `Content-Length: ${body.length}`

const variation: fc.Arbitrary<Vary> = fc.oneof(
  fc.array(line, { minLength: 1, maxLength: 5 }).map(
    (lines): Vary =>
      (about) => {
        const body = Buffer.from(about.body)
        return [latin1(head(about, [length(body), ...lines])), body]
      },
  ),
  wild.map(
    (key): Vary =>
      (about) => {
        const body = Buffer.from(about.body)
        return [latin1(head({ ...about, key }, [length(body)])), body]
      },
  ),
  first.map(
    (words): Vary =>
      (about) => {
        const body = Buffer.from(about.body)
        return [latin1(head(about, [length(body)], words.join(' '))), body]
      },
  ),
  damage.map(
    (apply): Vary =>
      (about) => {
        const body = Buffer.from(apply(about.body))
        return [head(about, [length(body)]), body]
      },
  ),
  fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 8 })).map(
    ([at, bytes]): Vary =>
      (about) => {
        const body = Buffer.from(about.body)
        const whole = Buffer.concat([Buffer.from(head(about, [length(body)])), body])
        whole.set(bytes.subarray(0, whole.length - (at % whole.length)), at % whole.length)
        return [whole]
      },
  ),
)

/** Requests that vary in headers, keys, addresses, bodies and single bytes: the same for the same seed. */
export function variations(firstNumber: number, howMany: number): BadRequest[] {
  return fc.sample(variation, { numRuns: howMany, seed }).map((vary, index): BadRequest => {
    const about = subject(firstNumber + index)
    return { name: `variation ${index} of seed ${seed}`, key: about.key, pieces: vary(about), either: true }
  })
}
