import fc from 'fast-check'
import { seed } from '../extent.ts'
import { type BadRequest, head, type Subject, subject } from './bad-requests.ts'

/** Bytes for a header, line ends among them. */
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

const splice = (text: string, at: number, length: number, by: string): string => {
  const start = at % (text.length + 1)
  return text.slice(0, start) + by + text.slice(start + length)
}

/** A change to a JSON text. */
const damage: fc.Arbitrary<(body: string) => string> = fc
  .oneof(
    fc.tuple(fc.nat(), fc.constant(0), wild),
    fc.tuple(fc.nat(), fc.integer({ min: 1, max: 9 }), fc.constant('')),
    fc.tuple(fc.constant(0), fc.constant(Infinity), fc.json()),
    fc.tuple(fc.nat(), fc.constant(1), fc.json()),
  )
  .map(
    ([at, length, by]) =>
      (body) =>
        splice(body, at, length, by),
  )

type Vary = (about: Subject) => (Buffer | string)[]

/** A submission with a changed key, first line, header lines or body. */
function changed(about: Subject, { lines = [], first }: { lines?: string[]; first?: string } = {}): Buffer[] {
  const body = Buffer.from(about.body)
  return [Buffer.from(head(about, [`Content-Length: ${body.length}`, ...lines], first), 'latin1'), body]
}

const variation: fc.Arbitrary<Vary> = fc.oneof(
  fc.array(line, { minLength: 1, maxLength: 5 }).map(
    (lines): Vary =>
      (about) =>
        changed(about, { lines }),
  ),
  wild.map(
    (key): Vary =>
      (about) =>
        changed({ ...about, key }),
  ),
  first.map(
    (words): Vary =>
      (about) =>
        changed(about, { first: words.join(' ') }),
  ),
  damage.map(
    (apply): Vary =>
      (about) =>
        changed({ ...about, body: apply(about.body) }),
  ),
  fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 8 })).map(
    ([at, bytes]): Vary =>
      (about) => {
        const whole = Buffer.concat(changed(about))
        whole.set(bytes.subarray(0, whole.length - (at % whole.length)), at % whole.length)
        return [whole]
      },
  ),
)

/** Requests with random changes to headers, keys, paths, bodies and single bytes; the same for the same seed. */
export function variations(firstNumber: number, howMany: number): BadRequest[] {
  return fc.sample(variation, { numRuns: howMany, seed }).map((vary, index): BadRequest => {
    const about = subject(firstNumber + index)
    return { name: `variation ${index} of seed ${seed}`, key: about.key, pieces: vary(about), either: true }
  })
}
