import { badBodies } from './bad-bodies.ts'

/** A submission sent as bytes, under a key and for a composition of its own. */
export interface BadRequest {
  name: string
  key: string
  pieces: (Buffer | string)[]
  /** It may be taken, if what is stored is then what it says. */
  either?: boolean
}

export interface Subject {
  key: string
  title: string
  /** A formula that no other number gives. */
  body: string
}

/** What a bad request is about. Its number, twice in its key, makes it its own: a changed digit gives no other's. */
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
const CHUNKED = 'Transfer-Encoding: chunked'
const END = `0${LINE}${LINE}`

/** Another whole submission, hidden where a careless reader would take it for a request. */
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
  'a coding that is not known': (it) => [head(it, ['Transfer-Encoding: xchunked']), chunk(it.body), END, smuggled(it)],
  'chunked, then identity': (it) => [head(it, ['Transfer-Encoding: chunked, identity']), chunk(it.body), END],
  'chunked with a tab': (it) => [head(it, ['Transfer-Encoding:\x0bchunked', length(it.body)]), it.body, smuggled(it)],
  'a blank before the colon': (it) => [head(it, [`Content-Length : ${it.body.length}`]), it.body, smuggled(it)],
  'a coding behind a blank': (it) => [head(it, [length(it.body), 'Transfer-Encoding : chunked']), it.body],
  'a folded coding': (it) => [head(it, [`Transfer-Encoding:${LINE} chunked`, length(it.body)]), it.body, smuggled(it)],
  'a signed length': (it) => [head(it, [`Content-Length: +${it.body.length}`]), it.body],
  'a negative length': (it) => [head(it, ['Content-Length: -1']), it.body],
  'a length in hex': (it) => [head(it, [`Content-Length: 0x${it.body.length.toString(16)}`]), it.body],
  'a length beyond all': (it) => [head(it, [`Content-Length: ${'9'.repeat(40)}`]), it.body],
  'a chunk of no size': (it) => [head(it, [CHUNKED]), `${LINE}${it.body}${LINE}`, END],
  'a chunk of a size that is none': (it) => [head(it, [CHUNKED]), `xyz${LINE}${it.body}${LINE}`, END],
  'a chunk of a negative size': (it) => [head(it, [CHUNKED]), `-1${LINE}${it.body}${LINE}`, END],
  'a chunk size beyond all': (it) => [head(it, [CHUNKED]), `${'f'.repeat(17)}${LINE}${it.body}${LINE}`, END],
  'a chunk size too small': (it) => [head(it, [CHUNKED]), `2${LINE}${it.body}${LINE}`, END, smuggled(it)],
  'a chunk that does not end': (it) => [head(it, [CHUNKED]), chunk(it.body).slice(0, -2), END],
  'chunk lines of LF alone': (it) => [head(it, [CHUNKED]), chunk(it.body).replaceAll(LINE, '\n'), '0\n\n'],
  'lines of LF alone': (it) => [head(it, [length(it.body)]).replaceAll(LINE, '\n'), it.body],
  'lines of CR alone': (it) => [head(it, [length(it.body)]).replaceAll(LINE, '\r'), it.body],
  'a zero in a header': (it) => [head(it, [length(it.body), 'X-Zero: a\0b']), it.body],
  'a header without a colon': (it) => [head(it, [length(it.body), 'X-Nothing']), it.body],
  'a header without a name': (it) => [head(it, [length(it.body), ': nothing']), it.body],
  'a blank line first in the headers': (it) => [head(it, [`${LINE}${length(it.body)}`]), it.body],
  'an endless chunk extension': (it) => [head(it, [CHUNKED]), `5;${'x'.repeat(100_000)}${LINE}hello${LINE}`, END],
  'a length too short': (it) => [head(it, [length(it.body, -5)]), it.body],
  'a length too long': (it) => [head(it, [length(it.body, 5)]), it.body],
  'a length of a terabyte': (it) => [head(it, ['Content-Length: 1099511627776']), it.body],
  'a length one too many for the limit': (it) => [head(it, ['Content-Length: 1048577']), it.body],
  'no length at all': (it) => [head(it, []), it.body],
  'chunks that stop': (it) => [head(it, [CHUNKED]), chunk(it.body)],
}

const PROTOCOL: Record<string, Make> = {
  'HTTP/0.9': () => ['GET /formulas\r\n'],
  'HTTP/2': () => ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', Buffer.from('000000040000000000', 'hex')],
  'HTTP/9.9': (it) => [head(it, [length(it.body)], 'POST /formulas HTTP/9.9'), it.body],
  'HTTP/1.1 in lower case': (it) => [head(it, [length(it.body)], 'POST /formulas http/1.1'), it.body],
  'a hello of TLS': () => [Buffer.from('16030100c8010000c40303', 'hex'), Buffer.alloc(197, 7)],
  'a hello of SSH': () => ['SSH-2.0-OpenSSH_9.6\r\n'],
  'a command of Redis': () => ['*1\r\n$4\r\nPING\r\n'],
  'a header of a proxy': () => ['PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n'],
  zeros: () => [Buffer.alloc(70_000)],
  noise: (it) => [Buffer.from(Buffer.from(it.key.repeat(9_000)).map((byte, at) => (byte * 31 + at * 7) & 0xff))],
  'a method that is none': (it) => [head(it, [length(it.body)], 'BREW /formulas HTTP/1.1'), it.body],
  'a method in lower case': (it) => [head(it, [length(it.body)], 'post /formulas HTTP/1.1'), it.body],
  'an address with a blank': (it) => [head(it, [length(it.body)], 'POST /form ulas HTTP/1.1'), it.body],
  'an address that is no path': (it) => [head(it, [length(it.body)], 'POST formulas HTTP/1.1'), it.body],
  'an address with a zero': (it) => [head(it, [length(it.body)], 'POST /formulas\0 HTTP/1.1'), it.body],
  'an address with half an escape': (it) => [head(it, [length(it.body)], 'POST /formulas%E0%A4%A HTTP/1.1'), it.body],
  'an address that climbs': (it) => [head(it, [], `GET /${'../'.repeat(2000)}etc/passwd HTTP/1.1`)],
  'an address of 15,000': (it) => [head(it, [], `GET /formulas/${'a'.repeat(15_000)} HTTP/1.1`)],
  'an address of a million': (it) => [head(it, [], `GET /formulas?name=${'a'.repeat(1_000_000)} HTTP/1.1`)],
  'a thousand parameters': (it) => [head(it, [], `GET /formulas?${'limit=1&'.repeat(1_000)} HTTP/1.1`)],
  'an address in bytes that are none': (it) => [Buffer.from(head(it, [], 'GET /formulas/\xff\xfe HTTP/1.1'), 'latin1')],
  CONNECT: (it) => [head(it, [], 'CONNECT 127.0.0.1:22 HTTP/1.1')],
  TRACE: (it) => [head(it, [], 'TRACE / HTTP/1.1')],
  'OPTIONS *': (it) => [head(it, [], 'OPTIONS * HTTP/1.1')],
  'no Host': (it) => [head(it, [length(it.body)]).replace('Host: 127.0.0.1\r\n', ''), it.body],
  'an expectation that is none': (it) => [head(it, [length(it.body), 'Expect: the-unexpected']), it.body],
}

const HEADERS: Record<string, Make> = {
  'one header of 20,000': (it) => [head(it, [length(it.body), `X-Long: ${'x'.repeat(20_000)}`]), it.body],
  'one header of a million': (it) => [head(it, [length(it.body), `X-Long: ${'x'.repeat(1_000_000)}`]), it.body],
  'a name of 20,000': (it) => [head(it, [length(it.body), `X-${'x'.repeat(20_000)}: 1`]), it.body],
  '10,000 headers': (it) => [
    head(it, [length(it.body), ...Array.from({ length: 10_000 }, (_, i) => `x${i}: 1`)]),
    it.body,
  ],
  'two keys': (it) => [head(it, [length(it.body), 'Idempotency-Key: another']), it.body],
  'an endless key': (it) => [head({ ...it, key: 'k'.repeat(256) }, [length(it.body)]), it.body],
  'a key of bytes that are none': (it) => [
    Buffer.from(head({ ...it, key: '\xff\xfe' }, [length(it.body)]), 'latin1'),
    it.body,
  ],
  'a key with a raw surrogate': (it) => [
    Buffer.from(head({ ...it, key: 'a\xed\xa0\x80' }, [length(it.body)]), 'latin1'),
    it.body,
  ],
  'a key in UTF-8': (it) => [head({ ...it, key: 'schlüssel' }, [length(it.body)]), it.body],
  'a key with blanks': (it) => [head({ ...it, key: 'a b' }, [length(it.body)]), it.body],
  'half a quoted key': (it) => [head({ ...it, key: '"abc' }, [length(it.body)]), it.body],
  'an empty key': (it) => [head({ ...it, key: '' }, [length(it.body)]), it.body],
  'two media types': (it) => [head(it, [length(it.body), 'Content-Type: text/plain']), it.body],
}

/** What is strange and yet allowed: it may be taken. */
const ALLOWED: Record<string, Make> = {
  'an endless media type': (it) => [
    head(it, [length(it.body), `Content-Type: application/json;${'a=b;'.repeat(2000)}x`]),
    it.body,
  ],
  'chunk extensions': (it) => [
    head(it, [CHUNKED]),
    `${it.body.length.toString(16)};a=b;c="d"${LINE}${it.body}${LINE}`,
    END,
  ],
  trailers: (it) => [head(it, [CHUNKED]), chunk(it.body), `0${LINE}Idempotency-Key: another${LINE}${LINE}`],
  'a chunk for each byte': (it) => [head(it, [CHUNKED]), [...it.body].map(chunk).join(''), END],
  'one length twice': (it) => [head(it, [length(it.body), length(it.body)]), it.body],
  'HTTP/1.0': (it) => [head(it, [length(it.body)], 'POST /formulas HTTP/1.0'), it.body],
  'Expect: 100-continue': (it) => [head(it, [length(it.body), 'Expect: 100-continue']), it.body],
  'an upgrade to HTTP/2': (it) => [
    head(it, [length(it.body), 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__']).replace('close', 'Upgrade'),
    it.body,
  ],
  'an upgrade to a web socket': (it) => [
    head(it, [length(it.body), 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']).replace('close', 'Upgrade'),
    it.body,
  ],
  'prototype keys as headers': (it) => [
    head(it, [length(it.body), '__proto__: 1', 'constructor: 1', 'toString: 1', 'hasOwnProperty: 1']),
    it.body,
  ],
  'headers of Latin-1': (it) => [
    Buffer.from(head(it, [length(it.body), 'X-Request-Id: \xe9\xff', 'User-Agent: \xed\xa0\x80']), 'latin1'),
    it.body,
  ],
  'an address as for a proxy': (it) => [
    head(it, [length(it.body)], 'POST http://elsewhere/formulas HTTP/1.1'),
    it.body,
  ],
  'empty lines before it': (it) => [`${LINE}${LINE}${head(it, [length(it.body)])}`, it.body],
  'an endless id': (it) => [head(it, [length(it.body), `X-Request-Id: ${'x'.repeat(8_000)}`]), it.body],
}

/** Every bad request there is a name for, numbered from `first`. */
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

/** Those that take nothing from other consumers. */
const EVENT_ROUTES = ['/events/ack', '/events/nack', '/events/extend', '/events/dead/redrive']
