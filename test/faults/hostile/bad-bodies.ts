import { gzipSync } from 'node:zlib'

/** A body that must be refused, or with `either` may be accepted. */
export interface BadBody {
  name: string
  bytes: Buffer
  headers?: string[]
  either?: boolean
}

const PROTOTYPE_KEYS = '__proto__ constructor prototype toString hasOwnProperty valueOf __defineGetter__'.split(' ')

/** A formula as JSON text, with parts that JSON.stringify would not write. */
const formula = (name: string, material = '"Rose"', concentration = '1', more = ''): string =>
  `{"name":${name},"materials":[{"name":${material},"concentration":${concentration}}]${more}}`

function texts(title: string): Record<string, string> {
  const bodies: Record<string, string> = {
    nothing: '',
    blanks: ' '.repeat(100_000),
    'half a body': '{"name":',
    'a comma at the end': `[${formula(title)},]`,
    'two values': `${formula(title)}${formula(title)}`,
    'a comment': `${formula(title)}//`,
    'single quotes': "{'name':'x'}",
    'a control character in a string': formula('"a\u0000b"'),
    'an escaped control character': formula('"a\\u0000b"'),
    'a lone high surrogate, escaped': formula('"\\ud800"'),
    'a lone low surrogate, escaped': formula('"a\\udc00b"'),
    'surrogates the wrong way round': formula('"\\udc00\\ud800"'),
    'a lone surrogate in a material': formula(title, '"\\udbff"'),
    'a lone surrogate as a field': formula(title, '"Rose"', '1', ',"\\ud800":1'),
    'a bad escape': formula('"\\x41"'),
    'half an escape': formula('"\\u12"'),
    'a name too long': formula(JSON.stringify('𝒳'.repeat(201))),
    'a name of a million': formula(JSON.stringify('x'.repeat(1_000_000))),
    'a million blanks as a name': formula(JSON.stringify(' '.repeat(1_000_000))),
    'a name too long for its inner blanks': formula(JSON.stringify(`x${' '.repeat(500_000)}y`)),
    'a million combining marks': formula(JSON.stringify(`e${'\u0301'.repeat(300_000)}`)),
    '501 materials': `{"name":${title},"materials":[${Array.from({ length: 501 }, (_, i) => `{"name":"m${i}","concentration":1}`).join()}]}`,
    '1001 formulas': `[${Array.from({ length: 1001 }, (_, i) => formula(title, '"Rose"', `${i + 1}`)).join()}]`,
    'a list of a hundred thousand zeros': `[${'0,'.repeat(100_000)}0]`,
    'a hundred thousand fields': `{${Array.from({ length: 60_000 }, (_, i) => `"f${i}":0`).join()}}`,
    'materials of a hundred thousand nulls': `{"name":${title},"materials":[${'null,'.repeat(100_000)}null]}`,
  }
  for (const [what, opening, closing] of [
    ['lists', '[', ']'],
    ['objects', '{"a":', '}'],
  ] as const) {
    const deep = `${opening.repeat(100_000)}0${closing.repeat(100_000)}`
    bodies[`${what} nested 100,000 deep`] = deep
    bodies[`${what} nested 100,000 deep and not closed`] = opening.repeat(100_000)
    bodies[`${what} nested 100,000 deep with a long number`] = deep.replace('0', '12345678901234567890')
    bodies[`a name of ${what} 100,000 deep`] = formula(deep)
    bodies[`materials of ${what} 100,000 deep`] = `{"name":${title},"materials":${deep}}`
    bodies[`a concentration of ${what} 100,000 deep`] = formula(title, '"Rose"', deep)
  }
  const digits = '7'.repeat(10_000)
  const numbers = [
    ...[digits, `0.${digits}`, `-${digits}`, `1e${digits}`, `1${'0'.repeat(400_000)}`],
    ...'1e999999999 1e-999999999 -1 0 -0 0e0 1e400 NaN Infinity -Infinity 01 +1 .5 5. 0x10 1_000 1e'.split(' '),
  ]
  for (const number of numbers) {
    bodies[`the number ${number.slice(0, 20)} of ${number.length}`] = formula(title, '"Rose"', number)
    if (!/^(\+1|\.5|5\.|01)$/.test(number))
      bodies[`the text ${number.slice(0, 20)} of ${number.length}`] = formula(title, '"Rose"', `"${number}"`)
    bodies[`a list of ${number.slice(0, 20)} of ${number.length}`] = `[${number}]`
  }
  for (const key of PROTOTYPE_KEYS) {
    bodies[`${key} in a formula`] = formula(title, '"Rose"', '1', `,"${key}":{"name":"x","materials":[]}`)
    bodies[`${key} in a material`] = formula(title, '"Rose"', `1,"${key}":{"concentration":1}`)
    bodies[`${key} in a formula of a list`] = `[${formula(title, '"Rose"', '1', `,"${key}":null`)}]`
    bodies[`${key} in place of a name`] = formula(title).replace('"name"', `"${key}"`)
    bodies[`${key} alone`] = `{"${key}":${formula(title)}}`
    bodies[`${key} nested`] = `{"${key}":{"${key}":{"${key}":${formula(title)}}}}`
  }
  return bodies
}

function bytes(title: string): Record<string, Buffer> {
  const [head, tail] = formula('"@"').split('@') as [string, string]
  const around = (...middle: number[]): Buffer =>
    Buffer.concat([Buffer.from(head), Buffer.from(middle), Buffer.from(tail)])
  const whole = formula(title)
  return {
    'an overlong slash': around(0xc0, 0xaf),
    'an overlong zero': around(0xc0, 0x80),
    'an overlong zero of three': around(0xe0, 0x80, 0x80),
    'a raw high surrogate': around(0xed, 0xa0, 0x80),
    'a raw low surrogate': around(0xed, 0xbf, 0xbf),
    'a raw pair of surrogates': around(0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80),
    'a code point above U+10FFFF': around(0xf4, 0x90, 0x80, 0x80),
    'five bytes': around(0xf8, 0x88, 0x80, 0x80, 0x80),
    'half a character': around(0xe2, 0x82),
    'a tail without a head': around(0x80),
    'an invalid byte': around(0xff),
    'half a character at the end': Buffer.concat([Buffer.from(whole), Buffer.from([0xf0, 0x9f])]),
    'UTF-16': Buffer.from(whole, 'utf16le'),
    'UTF-16 with a mark': Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(whole, 'utf16le')]),
    'UTF-16, big end first': Buffer.from(whole, 'utf16le').swap16(),
    'two byte order marks': Buffer.from(`\ufeff\ufeff${whole}`),
    'a byte order mark within': Buffer.from(whole.replace('{', '{\ufeff')),
    zeros: Buffer.alloc(100_000),
    'Latin-1': Buffer.from(whole.replace('Rose', 'Ros\xe9'), 'latin1'),
  }
}

/** Broken and malicious bodies. `title` is a JSON string: the name of every formula that could be stored. */
export function badBodies(title: string): BadBody[] {
  const bomb = gzipSync(Buffer.alloc(50_000_000, 0x20))
  const encodings = ['gzip', 'deflate', 'br', 'zstd', 'gzip, gzip', 'x-gzip', 'IDENTITY, gzip', 'compress']
  return [
    ...Object.entries(texts(title)).map(([name, text]) => ({ name, bytes: Buffer.from(text) })),
    ...Object.entries(bytes(title)).map(([name, bytes]) => ({ name, bytes })),
    ...encodings.map((encoding) => ({
      name: `a bomb in ${encoding}`,
      bytes: bomb,
      headers: [`Content-Encoding: ${encoding}`],
    })),
    ...['UTF-16', 'ISO-8859-1', 'utf-7', 'x'].map((charset) => ({
      name: `charset ${charset}`,
      bytes: Buffer.from(formula(title)),
      headers: [`Content-Type: application/json; charset=${charset}`],
    })),
    { name: 'a byte order mark', bytes: Buffer.from(`\ufeff${formula(title, '"BOM"')}`), either: true },
    { name: 'a name twice', bytes: Buffer.from(formula(`"x","name":${title}`, '"Twice"')), either: true },
    { name: 'materials twice', bytes: Buffer.from(formula(title, '"Twice over"', '1', ',"materials":[]')) },
    {
      name: 'a concentration twice',
      bytes: Buffer.from(formula(title, '"Twice"', '0,"concentration":7')),
      either: true,
    },
    { name: 'a name and __proto__ as text', bytes: Buffer.from(formula(title, '"__proto__"')), either: true },
    { name: 'a material called constructor', bytes: Buffer.from(formula(title, '"constructor"')), either: true },
  ]
}
