import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { checkedIdentity, nameIdentity } from '../../src/formula/identity.ts'
import { CASE_FOLDING, UNASSIGNED } from '../../src/formula/unicode-16.ts'
import { DIFFERENT, REFUSED, SAME } from '../support/formula/identity-vectors.ts'
import { holds } from '../support/formula/property.ts'
import { tableFile, unicodeTable } from '../support/formula/unicode-table.ts'

const shown = (text: string): string => [...text].map((c) => `U+${c.codePointAt(0)?.toString(16)}`).join(' ')
const same = (a: string, b: string): boolean => nameIdentity(a) === nameIdentity(b)

const isUnassigned = (text: string): boolean =>
  [...text].some((character) => {
    const point = character.codePointAt(0) as number
    return UNASSIGNED.some((first, index) => index % 2 === 0 && first <= point && point <= (UNASSIGNED[index + 1] ?? 0))
  })

t.test('spellings of one name have one identity', async (t) => {
  for (const [identity = '', ...names] of SAME) {
    for (const name of [identity, ...names]) {
      t.equal(nameIdentity(name), identity, `${shown(name)} is ${shown(identity)}`)
      t.equal(checkedIdentity(name), identity)
    }
  }
})

t.test('different names have different identities', async (t) => {
  for (const [a, b] of DIFFERENT) t.not(nameIdentity(a), nameIdentity(b), `${shown(a)} is not ${shown(b)}`)
})

t.test('a name has no identity that nobody can see, or that is out of proportion', async (t) => {
  for (const [why, name] of REFUSED) t.equal(checkedIdentity(name), null, why)
  const taken = [
    ['two of 18 letters: 36 are always allowed', '\ufdfa'.repeat(2), 36],
    ['the longest that is allowed', `\ufdfa${'a'.repeat(22)}`, 40],
    ['four times as long', `${'\ufdfa'.repeat(9)}${'a'.repeat(42)}`, 204],
    ['39 that are not seen', `a${'\u200b'.repeat(39)}`, 1],
    ['a quarter', `${'a'.repeat(25)}${'\u00ad'.repeat(75)}`, 25],
    ['30 marks in a row', `a${'\u0315'.repeat(30)}`, 31],
  ] as const
  for (const [why, name, length] of taken) t.equal([...(checkedIdentity(name) ?? '')].length, length, why)
  t.equal(checkedIdentity(`${'\ufdfa'.repeat(9)}${'a'.repeat(41)}`), null, 'one more than four times as long')
})

t.test('the identity of a checked name is the one that it is searched by', async (t) => {
  const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 })
  holds(
    t,
    fc.property(name, (name) => [null, nameIdentity(name)].includes(checkedIdentity(name))),
    1000,
  )
})

t.test('what is dropped changes no identity, wherever it stands', async (t) => {
  const unseen = fc.constantFrom(
    ...'\u00ad\u034f\u061c\u115f\u180e\u200b\u200d\u202e\u2060\u3164\ufe0f\ufeff®™©℠',
    '\u{e0041}',
  )
  const parts = fc.array(fc.constantFrom(...'aÉ ßﬁＡΣ-\u2011\u0301\u1100\u1161'), { minLength: 1, maxLength: 12 })
  holds(
    t,
    fc.property(parts, unseen, (parts, unseen) => same(parts.join(''), parts.join(unseen))),
    1000,
  )
})

t.test('identities are what they have been since version 2', async (t) => {
  const known = [
    ['Rose', 'rose'],
    ['Iso  E  Super', 'iso e super'],
    ['Straße', 'strasse'],
    ['Cafe\u0301', 'caf\u00e9'],
    ['ΟΔΟΣ', 'οδοσ'],
    ['İ', 'i\u0307'],
    ['ŉ', "'n"],
    ['ﬃ', 'ffi'],
    ['½', '1\u20442'],
    ['\u1e9e', 'ss'],
    ['\u13a0', '\u13a0'],
    ['\uab70', '\u13a0'],
    ['¨', '\u0308'],
    ['J\u030c', '\u01f0'],
  ] as const
  for (const [name, identity] of known) t.equal(nameIdentity(name), identity, shown(name))
})

t.test('the table of case folding is the one of Unicode 16', async (t) => {
  const compact = (text: string): string => text.replace(/,?\s+/g, '')
  t.equal(compact(readFileSync(tableFile, 'utf8')), compact(unicodeTable()))
  t.equal(CASE_FOLDING.length, 1557, 'C and F of CaseFolding-16.0.0.txt')
})

t.test('a code point that Unicode 16 has not assigned is never normalised, alone or with its neighbours', async (t) => {
  // U+A7CE and U+A7CF are a new case pair of Unicode 17, U+A7D2 its capital letter to U+A7D3, U+A7F1 a new modifier S.
  for (const unassigned of ['\ua7ce', '\ua7cf', '\ua7d2', '\ua7f1', '\u0378', '\uffff', '\u{1acf}', '\u{10ffff}']) {
    t.ok(isUnassigned(unassigned), shown(unassigned))
    t.equal(nameIdentity(unassigned), unassigned)
    t.equal(nameIdentity(`ÉＡ${unassigned}É\u00a0ß`), `éa${unassigned}é ss`)
    t.equal(nameIdentity(`e${unassigned}\u0301`), `e${unassigned}\u0301`, 'what it parts stays parted')
    t.equal(nameIdentity(`${unassigned}\u0323\u0301`), `${unassigned}\u0323\u0301`)
    t.equal(nameIdentity(`A${unassigned.repeat(3)}B`), `a${unassigned.repeat(3)}b`)
  }
})

t.test('a new mark of Unicode 17 does not reorder the marks around it', async (t) => {
  const mark = '\u1ae0'
  t.ok(isUnassigned(mark))
  t.equal(nameIdentity(`e${mark}\u0323\u0301`), `e${mark}\u0323\u0301`)
  t.equal(nameIdentity(`e\u0301${mark}`), `é${mark}`)
})

t.test('the identity of an identity is itself', async (t) => {
  const unstable: string[] = []
  let next = 0
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue
    // One that is not assigned is never changed: the next unassigned ones are passed over.
    if (UNASSIGNED[next] === code) {
      code = UNASSIGNED[next + 1] as number
      next += 2
    }
    const character = String.fromCodePoint(code)
    const identity = nameIdentity(character)
    if (identity !== character && nameIdentity(identity) !== identity) unstable.push(shown(identity))
  }
  t.strictSame(unstable, [], 'of every code point')
  const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 })
  holds(
    t,
    fc.property(name, (name) => same(name, nameIdentity(name))),
    1000,
  )
})

t.test('a mebibyte of white space in an identity is handled in linear time', async (t) => {
  t.equal(nameIdentity(`a${'\u3000'.repeat(1 << 20)}b`), 'a b')
  t.equal(nameIdentity(`a${' '.repeat(1 << 20)}b`), 'a b')
})

t.test('neither normal form nor width nor repeated white space changes an identity', async (t) => {
  const name = fc.string({
    unit: fc.oneof(fc.constantFrom(...'aZé ß ŉﬁΣςǅ'), fc.string({ minLength: 1 })),
    minLength: 1,
  })
  const assigned = name.filter((name) => !isUnassigned(name))
  const property = fc.property(assigned, fc.constantFrom('NFC', 'NFD', 'NFKC', 'NFKD'), (name, form) => {
    const wide = name.replace(/[!-~]/g, (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0))
    return same(name, name.normalize(form)) && same(name, wide) && same(name, name.replaceAll(' ', ' \u3000\u00a0'))
  })
  holds(t, property, 1000)
})

t.test('the fast path for plain ASCII gives the same result as the full algorithm', async (t) => {
  const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index))
  const name = fc.string({ unit: fc.constantFrom(...printable), maxLength: 40 })
  const viaTable = (name: string): string => nameIdentity(`漢${name}漢`).slice(1, -1).trim()
  holds(
    t,
    fc.property(name, (name) => nameIdentity(name) === viaTable(name)),
    1000,
  )
})
