import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { checkName, NAME_LENGTH, nameIdentity } from '../../src/formula/name.ts'
import { CASE_FOLDING, UNASSIGNED } from '../../src/formula/unicode-16.ts'
import { holds } from './holds.ts'
import { tableFile, unicodeTable } from './unicode-table.ts'

/** PropList.txt's White_Space, written down from Unicode 16. */
const WHITE_SPACE = [
  ...['\t', '\n', '\v', '\f', '\r', ' ', '\u0085', '\u00a0', '\u1680', '\u2000', '\u2001', '\u2002', '\u2003'],
  ...['\u2004', '\u2005', '\u2006', '\u2007', '\u2008', '\u2009', '\u200a', '\u2028', '\u2029', '\u202f', '\u205f'],
  '\u3000',
]
const isControl = (character: string): boolean => /\p{Cc}/u.test(character)
const shown = (text: string): string => [...text].map((c) => `U+${c.codePointAt(0)?.toString(16)}`).join(' ')
const same = (a: string, b: string): boolean => nameIdentity(a) === nameIdentity(b)

t.test('spellings of one name have one identity', async (t) => {
  const groups = [
    ['Straße', 'STRASSE', 'strasse', 'Stra\u1e9ee', 'STRAßE'],
    ['ΟΔΟΣ', 'οδος', 'οδοσ'],
    ['Ｒｏｓｅ', 'rose', 'ROSE', 'Rose', 'Ｒose'],
    ['Cafe\u0301', 'CAFÉ', 'café', 'CAFE\u0301', 'Caf\u00e9'],
    ['Iso  E', 'iso e', 'ISO\u00a0E', 'iso\u3000 \u2003e', 'Iso\u2028E', 'iso\u1680E', 'ISO E'],
    ['ﬁg', 'FIG', 'fig', 'Fig'],
    ['Ambroxan®', 'AMBROXAN®'],
    ['\u212bngström', 'ångström', 'A\u030angstro\u0308m'],
    ['\u2126', '\u03c9', '\u03a9'],
    ['ſandal', 'Sandal', 'sandal'],
    ['Ⅻ', 'xii', 'ⅻ'],
    ['α\u0345\u0301', '\u1fb4', 'ά\u0345', 'άι'],
    ['\u{10400}', '\u{10428}'],
    ['\u01f0', 'J\u030c', 'j\u030c', 'ǰ'],
  ]
  for (const [first = '', ...others] of groups) {
    for (const other of others) t.equal(nameIdentity(other), nameIdentity(first), `${shown(other)} is ${shown(first)}`)
  }
})

t.test('different names have different identities', async (t) => {
  const pairs = [
    ['Rose', 'Rosé'],
    ['ı', 'i'],
    ['ı', 'I'],
    ['İ', 'I'],
    ['Iso E', 'IsoE'],
    ['Iso-E', 'Iso E'],
    ['Fig', 'Fig\ufeff'],
    ['Fig', 'Fig\u200b'],
    ['а', 'a'],
    ['Linalool', 'Linalol'],
  ] as const
  for (const [a, b] of pairs) t.not(nameIdentity(a), nameIdentity(b), `${shown(a)} is not ${shown(b)}`)
})

t.test('identities are what they have always been', async (t) => {
  const known = [
    ['Rose', 'rose'],
    ['Iso  E  Super', 'iso e super'],
    ['Straße', 'strasse'],
    ['Cafe\u0301', 'caf\u00e9'],
    ['ΟΔΟΣ', 'οδοσ'],
    ['İ', 'i\u0307'],
    ['ŉ', '\u02bcn'],
    ['ﬃ', 'ffi'],
    ['½', '1\u20442'],
    ['\u1e9e', 'ss'],
    ['\u13a0', '\u13a0'],
    ['\uab70', '\u13a0'],
    ['¨', ' \u0308'],
    ['J\u030c', '\u01f0'],
  ] as const
  for (const [name, identity] of known) t.equal(nameIdentity(name), identity, shown(name))
})

t.test('a name is trimmed of all white space and stored in its own spelling', async (t) => {
  for (const space of WHITE_SPACE) t.equal(checkName(`${space}${space}Rose  É${space}`), 'Rose  É', shown(space))
  const all = WHITE_SPACE.join('')
  t.equal(checkName(`${all}Iso\u00a0 E${all}`), 'Iso\u00a0 E')
  t.equal(checkName('Cafe\u0301'), 'Cafe\u0301', 'not normalised')
})

t.test('nothing but white space is trimmed', async (t) => {
  const matched: string[] = []
  for (let code = 0; code <= 0xffff; code++) {
    const character = String.fromCharCode(code)
    if (checkName(`${character}a`) === 'a') matched.push(character)
  }
  t.strictSame(matched, WHITE_SPACE)
  t.equal(checkName('\ufeffa\ufeff'), '\ufeffa\ufeff', 'a byte order mark is no white space')
  t.equal(checkName('\u180ea\u200b'), '\u180ea\u200b', 'nor are former and zero-width spaces')
})

t.test('a name without anything but white space is none', async (t) => {
  for (const name of ['', ' ', '\t\n', '\u0085', '\u3000\u2003', WHITE_SPACE.join('')]) {
    t.equal(checkName(name), null, `[${shown(name)}]`)
  }
})

t.test('a name has 1 to 200 code points after trimming', async (t) => {
  for (const character of ['a', 'é', '漢', '🌹', '\u{10ffff}']) {
    const longest = character.repeat(NAME_LENGTH)
    t.equal(checkName(character), character)
    t.equal(checkName(longest), longest, `200 × ${shown(character)}`)
    t.equal(checkName(`  ${longest}\u3000`), longest, 'white space around it does not count')
    t.equal(checkName(longest + character), null, `201 × ${shown(character)}`)
    t.equal(checkName(`${longest}a`), null, `200 × ${shown(character)} and one more`)
  }
  const mixed = '🌹'.repeat(199)
  t.equal(checkName(`${mixed}a`), `${mixed}a`)
  t.equal(checkName(`${mixed}aa`), null)
})

t.test('a name with a lone surrogate or a control character is refused', async (t) => {
  for (const broken of ['\ud83c', '\udf39', '\ud83cx', 'x\udf39', '\udf39\ud83c', 'a\ud800b', '🌹\ud83c']) {
    t.equal(checkName(broken), null, JSON.stringify(broken))
  }
  for (let code = 0; code < 0x100; code++) {
    const name = `a${String.fromCharCode(code)}b`
    if (checkName(name) !== (isControl(name) ? null : name)) t.fail(shown(name))
  }
  t.equal(checkName('a\u0085b'), null, 'a next line inside is a control character, though white space outside')
  t.equal(checkName('a\u2028b'), 'a\u2028b', 'a line separator is none')
})

t.test('the table of case folding is the one of Unicode 16', async (t) => {
  const compact = (text: string): string => text.replace(/,?\s+/g, '')
  t.equal(compact(readFileSync(tableFile, 'utf8')), compact(unicodeTable()))
  t.equal(CASE_FOLDING.length, 1557, 'C and F of CaseFolding-16.0.0.txt')
})

t.test('a code point that Unicode 16 has not assigned is never normalised, alone or with its neighbours', async (t) => {
  // U+A7CE and U+A7CF are a new case pair of Unicode 17, U+A7D2 its capital letter to U+A7D3, U+A7F1 a new modifier S.
  for (const unassigned of ['\ua7ce', '\ua7cf', '\ua7d2', '\ua7f1', '\u0378', '\uffff', '\u{1acf}', '\u{10ffff}']) {
    t.match(unassigned, UNASSIGNED, shown(unassigned))
    t.equal(nameIdentity(unassigned), unassigned)
    t.equal(nameIdentity(`ÉＡ${unassigned}É\u00a0ß`), `éa${unassigned}é ss`)
    t.equal(nameIdentity(`e${unassigned}\u0301`), `e${unassigned}\u0301`, 'what it parts stays parted')
    t.equal(nameIdentity(`${unassigned}\u0323\u0301`), `${unassigned}\u0323\u0301`)
    t.equal(nameIdentity(`A${unassigned.repeat(3)}B`), `a${unassigned.repeat(3)}b`)
  }
})

t.test('a new mark of Unicode 17 does not reorder the marks around it', async (t) => {
  const mark = '\u1ae0'
  t.match(mark, UNASSIGNED)
  t.equal(nameIdentity(`e${mark}\u0323\u0301`), `e${mark}\u0323\u0301`)
  t.equal(nameIdentity(`e\u0301${mark}`), `é${mark}`)
})

t.test('the identity of an identity is itself', async (t) => {
  const unstable: string[] = []
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue
    const identity = nameIdentity(String.fromCodePoint(code))
    if (nameIdentity(identity) !== identity) unstable.push(shown(identity))
  }
  t.strictSame(unstable, [], 'of every code point')
  const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 })
  holds(
    t,
    fc.property(name, (name) => same(name, nameIdentity(name))),
    1000,
  )
})

t.test('neither normal form nor width nor repeated white space changes an identity', async (t) => {
  const name = fc.string({
    unit: fc.oneof(fc.constantFrom(...'aZé ß ŉﬁΣςǅ'), fc.string({ minLength: 1 })),
    minLength: 1,
  })
  const assigned = name.filter((name) => !UNASSIGNED.test(name))
  const property = fc.property(assigned, fc.constantFrom('NFC', 'NFD', 'NFKC', 'NFKD'), (name, form) => {
    const wide = name.replace(/[!-~]/g, (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0))
    return same(name, name.normalize(form)) && same(name, wide) && same(name, name.replaceAll(' ', ' \u3000\u00a0'))
  })
  holds(t, property, 1000)
})

t.test('the short way for plain ASCII gives what the long way gives', async (t) => {
  const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index))
  const name = fc.string({ unit: fc.constantFrom(...printable), maxLength: 40 })
  const viaTable = (name: string): string => nameIdentity(`${name}漢`).slice(0, -1)
  holds(
    t,
    fc.property(name, (name) => nameIdentity(name) === viaTable(name)),
    1000,
  )
})

t.test('a mebibyte of white space anywhere is looked at once', async (t) => {
  const spaces = '\u3000'.repeat(1 << 20)
  t.equal(checkName(`a${spaces}b`), null)
  t.equal(checkName(`${spaces}a${spaces}`), 'a')
  t.equal(checkName(spaces), null)
  t.equal(nameIdentity(`a${spaces}b`), 'a b')
  t.equal(nameIdentity(`a${' '.repeat(1 << 20)}b`), 'a b')
})
