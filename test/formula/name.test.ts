import t from 'tap'
import { FORMULA_NAME_LENGTH, MATERIAL_NAME_LENGTH } from '../../src/formula/formula.ts'
import { checkName } from '../../src/formula/identity.ts'

const checked = (text: string): string | null => checkName(text, FORMULA_NAME_LENGTH)

/** PropList.txt's White_Space, written down from Unicode 16. */
const WHITE_SPACE = [
  ...['\t', '\n', '\v', '\f', '\r', ' ', '\u0085', '\u00a0', '\u1680', '\u2000', '\u2001', '\u2002', '\u2003'],
  ...['\u2004', '\u2005', '\u2006', '\u2007', '\u2008', '\u2009', '\u200a', '\u2028', '\u2029', '\u202f', '\u205f'],
  '\u3000',
]
const isControl = (character: string): boolean => /\p{Cc}/u.test(character)
const shown = (text: string): string => [...text].map((c) => `U+${c.codePointAt(0)?.toString(16)}`).join(' ')

t.test('a name is trimmed of all white space and stored in its own spelling', async (t) => {
  for (const space of WHITE_SPACE) t.equal(checked(`${space}${space}Rose  É${space}`), 'Rose  É', shown(space))
  const all = WHITE_SPACE.join('')
  t.equal(checked(`${all}Iso\u00a0 E${all}`), 'Iso\u00a0 E')
  t.equal(checked('Cafe\u0301'), 'Cafe\u0301', 'not normalised')
})

t.test('nothing but white space is trimmed', async (t) => {
  const matched: string[] = []
  for (let code = 0; code <= 0xffff; code++) {
    const character = String.fromCharCode(code)
    if (checked(`${character}a`) === 'a') matched.push(character)
  }
  t.strictSame(matched, WHITE_SPACE)
  t.equal(checked('\ufeffa\ufeff'), '\ufeffa\ufeff', 'a byte order mark is no white space')
  t.equal(checked('\u180ea\u200b'), '\u180ea\u200b', 'nor are former and zero-width spaces')
})

t.test('a name of white space alone is refused', async (t) => {
  for (const name of ['', ' ', '\t\n', '\u0085', '\u3000\u2003', WHITE_SPACE.join('')]) {
    t.equal(checked(name), null, `[${shown(name)}]`)
  }
})

t.test('a name of a formula has 1 to 200 code points after trimming, one of a material 500', async (t) => {
  for (const most of [FORMULA_NAME_LENGTH, MATERIAL_NAME_LENGTH]) {
    for (const character of ['a', 'é', '漢', '🌹', '\u{10ffff}']) {
      const longest = character.repeat(most)
      t.equal(checkName(character, most), character)
      t.equal(checkName(longest, most), longest, `${most} × ${shown(character)}`)
      t.equal(checkName(`  ${longest}\u3000`, most), longest, 'white space around it does not count')
      t.equal(checkName(longest + character, most), null, `${most} × ${shown(character)} and one more`)
      t.equal(checkName(`${longest}a`, most), null, `${most} × ${shown(character)} and one more`)
    }
    const mixed = '🌹'.repeat(most - 1)
    t.equal(checkName(`${mixed}a`, most), `${mixed}a`)
    t.equal(checkName(`${mixed}aa`, most), null)
  }
  t.strictSame([FORMULA_NAME_LENGTH, MATERIAL_NAME_LENGTH], [200, 500])
})

t.test('a name with a lone surrogate or a control character is refused', async (t) => {
  for (const broken of ['\ud83c', '\udf39', '\ud83cx', 'x\udf39', '\udf39\ud83c', 'a\ud800b', '🌹\ud83c']) {
    t.equal(checked(broken), null, JSON.stringify(broken))
  }
  for (let code = 0; code < 0x100; code++) {
    const name = `a${String.fromCharCode(code)}b`
    if (checked(name) !== (isControl(name) ? null : name)) t.fail(shown(name))
  }
  t.equal(checked('a\u0085b'), null, 'a next line inside is a control character, though white space outside')
  t.equal(checked('a\u2028b'), 'a\u2028b', 'a line separator is none')
})

t.test('a mebibyte of white space is handled in linear time', async (t) => {
  const spaces = '\u3000'.repeat(1 << 20)
  t.equal(checked(`a${spaces}b`), null)
  t.equal(checked(`${spaces}a${spaces}`), 'a')
  t.equal(checked(spaces), null)
})
