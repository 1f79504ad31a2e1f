import { badBodies } from './bad-bodies.ts'

/** A submission as bytes, with its own key and composition. */
export interface BadRequest {
  name: string
  key: string
  pieces: (Buffer | string)[]
  /** It may be accepted. */
  either?: boolean
}

export interface Subject {
  key: string
  title: string
  /** A formula with its own composition. */
  body: string
}

/** The submission within a bad request. Its key has the number twice, so that one changed digit makes no other key. */
export function subject(number: number): Subject {
  const title = `Hostile ${number}`
  const materials = [{ name: 'Rose', concentration: `${number}.5` }]
  return { key: `hostile-${number}-${number}`, title, body: JSON.stringify({ name: title, materials }) }
}

const LINE = '\r\n'

/** The head of a submission, `Connection: close` included. */
export function head({ key }: Subject, lines: string[], first = 'POST /formulas HTTP/1.1'): string {
  const usual = ['Host: 127.0.0.1', 'Connection: close', `Idempotency-Key: ${key}`, ...lines]
  const typed = lines.some((line) => /^content-type/i.test(line)) ? [] : ['Content-Type: application/json']
  return [first, ...typed, ...usual, '', ''].join(LINE)
}

type Make = (about: Subject) => (Buffer | string)[]

const length = (text: string, by = 0): string => `Content-Length: ${Buffer.byteLength(text) + by}`
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}${LINE}${text}${LINE}`
/** A whole submission with more header lines, or another first line. */
const whole = (it: Subject, lines: string[] = [], first?: string): string[] => [
  head(it, [length(it.body), ...lines], first),
  it.body,
]
/** Sends the head in Latin-1 instead of UTF-8. */
const latin1 = ([start = '', ...rest]: string[]): (Buffer | string)[] => [Buffer.from(start, 'latin1'), ...rest]

const CHUNKED = 'Transfer-Encoding: chunked'
const END = `0${LINE}${LINE}`

/** Another submission, hidden where a lenient parser would read it as a request. */
function smuggled({ key, title, body }: Subject): string {
  const inner = {
    key: `${key}-smuggled`,
    title,
    body: body.replace(title, `Smuggled ${title}`).replace('Rose', 'Thorn'),
  }
  return `${head(inner, [length(inner.body)])}${inner.body}`
}

const SMUGGLING: Record<string, Make> = {
  'two lengths': (it) => [head(it, [length(it.body), 'Content-Length: 0']), it.body, smuggled(it)],
  'a shorter second length': (it) => [head(it, [length(it.body), length(it.body, -9)]), it.body, smuggled(it)],
  'lengths in a list': (it) => [head(it, [`${length(it.body)}, 0`]), it.body, smuggled(it)],
  'a length and chunks': (it) => [head(it, [length(it.body), CHUNKED]), chunk(it.body), END, smuggled(it)],
  'chunks and a length': (it) => [head(it, [CHUNKED, 'Content-Length: 4']), chunk(it.body), END, smuggled(it)],
  'an unknown transfer coding': (it) => [head(it, ['Transfer-Encoding: xchunked']), chunk(it.body), END, smuggled(it)],
  'chunked, then identity': (it) => [head(it, ['Transfer-Encoding: chunked, identity']), chunk(it.body), END],
  'chunked with a tab': (it) => [head(it, ['Transfer-Encoding:\x0bchunked', length(it.body)]), it.body, smuggled(it)],
  'a blank before the colon': (it) => [head(it, [`Content-Length : ${it.body.length}`]), it.body, smuggled(it)],
  'a coding after a blank': (it) => whole(it, ['Transfer-Encoding : chunked']),
  'a folded coding': (it) => [head(it, [`Transfer-Encoding:${LINE} chunked`, length(it.body)]), it.body, smuggled(it)],
  'a signed length': (it) => [head(it, [`Content-Length: +${it.body.length}`]), it.body],
  'a negative length': (it) => [head(it, ['Content-Length: -1']), it.body],
  'a length in hex': (it) => [head(it, [`Content-Length: 0x${it.body.length.toString(16)}`]), it.body],
  'a length of 40 digits': (it) => [head(it, [`Content-Length: ${'9'.repeat(40)}`]), it.body],
  'a chunk without a size': (it) => [head(it, [CHUNKED]), `${LINE}${it.body}${LINE}`, END],
  'a chunk size that is not hex': (it) => [head(it, [CHUNKED]), `xyz${LINE}${it.body}${LINE}`, END],
  'a chunk of a negative size': (it) => [head(it, [CHUNKED]), `-1${LINE}${it.body}${LINE}`, END],
  'a chunk size of 68 bits': (it) => [head(it, [CHUNKED]), `${'f'.repeat(17)}${LINE}${it.body}${LINE}`, END],
  'a chunk size too small': (it) => [head(it, [CHUNKED]), `2${LINE}${it.body}${LINE}`, END, smuggled(it)],
  'a chunk that does not end': (it) => [head(it, [CHUNKED]), chunk(it.body).slice(0, -2), END],
  'chunk lines that end in LF': (it) => [head(it, [CHUNKED]), chunk(it.body).replaceAll(LINE, '\n'), '0\n\n'],
  'lines that end in LF': (it) => [head(it, [length(it.body)]).replaceAll(LINE, '\n'), it.body],
  'lines that end in CR': (it) => [head(it, [length(it.body)]).replaceAll(LINE, '\r'), it.body],
  'a zero in a header': (it) => whole(it, ['X-Zero: a\0b']),
  'a header without a colon': (it) => whole(it, ['X-Nothing']),
  'a header without a name': (it) => whole(it, [': nothing']),
  'a blank line first in the headers': (it) => [head(it, [`${LINE}${length(it.body)}`]), it.body],
  'an endless chunk extension': (it) => [head(it, [CHUNKED]), `5;${'x'.repeat(100_000)}${LINE}hello${LINE}`, END],
  'a length too short': (it) => [head(it, [length(it.body, -5)]), it.body],
  'a length too long': (it) => [head(it, [length(it.body, 5)]), it.body],
  'a length of a terabyte': (it) => [head(it, ['Content-Length: 1099511627776']), it.body],
  'a length one over the limit': (it) => [head(it, ['Content-Length: 1048577']), it.body],
  'no length at all': (it) => [head(it, []), it.body],
  'chunks that stop': (it) => [head(it, [CHUNKED]), chunk(it.body)],
}

const PROTOCOL: Record<string, Make> = {
  'HTTP/0.9': () => ['GET /formulas\r\n'],
  'HTTP/2': () => ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', Buffer.from('000000040000000000', 'hex')],
  'HTTP/9.9': (it) => whole(it, [], 'POST /formulas HTTP/9.9'),
  'HTTP/1.1 in lower case': (it) => whole(it, [], 'POST /formulas http/1.1'),
  'a hello of TLS': () => [Buffer.from('16030100c8010000c40303', 'hex'), Buffer.alloc(197, 7)],
  'a hello of SSH': () => ['SSH-2.0-OpenSSH_9.6\r\n'],
  'a command of Redis': () => ['*1\r\n$4\r\nPING\r\n'],
  'a header of a proxy': () => ['PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n'],
  zeros: () => [Buffer.alloc(70_000)],
  noise: (it) => [Buffer.from(Buffer.from(it.key.repeat(9_000)).map((byte, at) => (byte * 31 + at * 7) & 0xff))],
  'an unknown method': (it) => whole(it, [], 'BREW /formulas HTTP/1.1'),
  'a method in lower case': (it) => whole(it, [], 'post /formulas HTTP/1.1'),
  'a path with a blank': (it) => whole(it, [], 'POST /form ulas HTTP/1.1'),
  'a path that is no path': (it) => whole(it, [], 'POST formulas HTTP/1.1'),
  'a path with a zero': (it) => whole(it, [], 'POST /formulas\0 HTTP/1.1'),
  'a path with half an escape': (it) => whole(it, [], 'POST /formulas%E0%A4%A HTTP/1.1'),
  'a path that climbs': (it) => [head(it, [], `GET /${'../'.repeat(2000)}etc/passwd HTTP/1.1`)],
  'a path of 15,000': (it) => [head(it, [], `GET /formulas/${'a'.repeat(15_000)} HTTP/1.1`)],
  'a path of a million': (it) => [head(it, [], `GET /formulas?name=${'a'.repeat(1_000_000)} HTTP/1.1`)],
  'a thousand parameters': (it) => [head(it, [], `GET /formulas?${'limit=1&'.repeat(1_000)} HTTP/1.1`)],
  'a path of invalid UTF-8': (it) => [Buffer.from(head(it, [], 'GET /formulas/\xff\xfe HTTP/1.1'), 'latin1')],
  CONNECT: (it) => [head(it, [], 'CONNECT 127.0.0.1:22 HTTP/1.1')],
  TRACE: (it) => [head(it, [], 'TRACE / HTTP/1.1')],
  'OPTIONS *': (it) => [head(it, [], 'OPTIONS * HTTP/1.1')],
  'no Host': (it) => [head(it, [length(it.body)]).replace('Host: 127.0.0.1\r\n', ''), it.body],
  'an unknown expectation': (it) => whole(it, ['Expect: the-unexpected']),
}

const HEADERS: Record<string, Make> = {
  'one header of 20,000': (it) => whole(it, [`X-Long: ${'x'.repeat(20_000)}`]),
  'one header of a million': (it) => whole(it, [`X-Long: ${'x'.repeat(1_000_000)}`]),
  'a name of 20,000': (it) => whole(it, [`X-${'x'.repeat(20_000)}: 1`]),
  '10,000 headers': (it) =>
    whole(
      it,
      Array.from({ length: 10_000 }, (_, i) => `x${i}: 1`),
    ),
  'two keys': (it) => whole(it, ['Idempotency-Key: another']),
  'an endless key': (it) => whole({ ...it, key: 'k'.repeat(256) }),
  'a key of invalid UTF-8': (it) => latin1(whole({ ...it, key: '\xff\xfe' })),
  'a key with a raw surrogate': (it) => latin1(whole({ ...it, key: 'a\xed\xa0\x80' })),
  'a key in UTF-8': (it) => whole({ ...it, key: 'schlüssel' }),
  'a key with blanks': (it) => whole({ ...it, key: 'a b' }),
  'half a quoted key': (it) => whole({ ...it, key: '"abc' }),
  'an empty key': (it) => whole({ ...it, key: '' }),
  'two media types': (it) => whole(it, ['Content-Type: text/plain']),
}

/** Unusual requests that are allowed. */
const ALLOWED: Record<string, Make> = {
  'an endless media type': (it) => whole(it, [`Content-Type: application/json;${'a=b;'.repeat(2000)}x`]),
  'chunk extensions': (it) => [
    head(it, [CHUNKED]),
    `${it.body.length.toString(16)};a=b;c="d"${LINE}${it.body}${LINE}`,
    END,
  ],
  trailers: (it) => [head(it, [CHUNKED]), chunk(it.body), `0${LINE}Idempotency-Key: another${LINE}${LINE}`],
  'a chunk for each byte': (it) => [head(it, [CHUNKED]), [...it.body].map(chunk).join(''), END],
  'one length twice': (it) => whole(it, [length(it.body)]),
  'HTTP/1.0': (it) => whole(it, [], 'POST /formulas HTTP/1.0'),
  'Expect: 100-continue': (it) => whole(it, ['Expect: 100-continue']),
  'an upgrade to HTTP/2': (it) => [
    head(it, [length(it.body), 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__']).replace('close', 'Upgrade'),
    it.body,
  ],
  'an upgrade to a web socket': (it) => [
    head(it, [length(it.body), 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']).replace('close', 'Upgrade'),
    it.body,
  ],
  'prototype keys as headers': (it) =>
    whole(it, ['__proto__: 1', 'constructor: 1', 'toString: 1', 'hasOwnProperty: 1']),
  'headers of Latin-1': (it) => latin1(whole(it, ['X-Request-Id: \xe9\xff', 'User-Agent: \xed\xa0\x80'])),
  'an absolute URL, as for a proxy': (it) => whole(it, [], 'POST http://elsewhere/formulas HTTP/1.1'),
  'empty lines before it': (it) => [`${LINE}${LINE}${head(it, [length(it.body)])}`, it.body],
  'an endless id': (it) => whole(it, [`X-Request-Id: ${'x'.repeat(8_000)}`]),
}

/** Every named bad request, numbered from `first`. */
export function badRequests(first: number): BadRequest[] {
  let number = first
  const named = (cases: Record<string, Make>, either = false): BadRequest[] =>
    Object.entries(cases).map(([name, make]) => {
      const about = subject(number++)
      return { name, key: about.key, pieces: make(about), either }
    })
  const bodies = badBodies('"@"').flatMap(({ name, bytes, headers = [], either = false }, index): BadRequest[] => {
    const [about, ofEvents] = [subject(number++), subject(number++)]
    const titled = Buffer.from(bytes.toString('latin1').replace('"@"', `"${about.title}"`), 'latin1')
    const lines = [...headers, `Content-Length: ${titled.length}`]
    const route = EVENT_ROUTES[index % EVENT_ROUTES.length] as string
    return [
      { name, key: about.key, pieces: [head(about, lines), titled], either },
      {
        name: `${name} to ${route}`,
        key: ofEvents.key,
        pieces: [head(ofEvents, lines, `POST ${route} HTTP/1.1`), titled],
      },
    ]
  })
  return [...named(SMUGGLING), ...named(PROTOCOL), ...named(HEADERS), ...named(ALLOWED, true), ...bodies]
}

/** Routes that leave the events to other consumers. */
const EVENT_ROUTES = ['/events/ack', '/events/nack', '/events/extend', '/events/dead/redrive']
