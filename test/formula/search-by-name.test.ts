import fc from 'fast-check'
import t from 'tap'
import { searchKey } from '../../src/formula/identity.ts'
import { holds } from '../support/formula/property.ts'

const finds = (prefix: string, name: string): boolean => searchKey(name).startsWith(searchKey(prefix))

t.test('a prefix finds names in any spelling', async (t) => {
  const found = [
    ['rose', 'Rose Garden'],
    ['ROSE G', 'rose  garden'],
    ['Ｒｏ', 'Rose'],
    ['stras', 'Straße'],
    ['Straß', 'STRASSE'],
    ['cafe\u0301', 'CAFÉ'],
    ['  rose', 'Rose'],
    ['\u3000\u0085rose', 'Rose'],
    ['iso ', 'Iso E'],
    ['iso\u00a0 ', 'Iso E'],
    ['Iso E Super ®', 'iso e super'],
    ['iso e super', 'Iso E® Super'],
    ['Iso\u00ad E', 'Iso E'],
    ['cis\u20113', 'cis-3-Hexenol'],
    ["l'heure", 'L\u2019Heure Bleue'],
    ['\ufeffrose', 'Rose'],
    ['®', 'Rose'],
    ['', 'Rose'],
    [' ', 'Rose'],
  ] as const
  for (const [prefix, name] of found) t.ok(finds(prefix, name), `${shown(prefix)} finds ${shown(name)}`)
})

t.test('a prefix finds nothing else', async (t) => {
  const missed = [
    ['iso ', 'Isolde'],
    ['rosé', 'Rose'],
    ['garden', 'Rose Garden'],
    ['iso ®\u3000', 'Isolde'],
    ['rose garden x', 'Rose Garden'],
    ['%', 'Rose'],
    ['_ose', 'Rose'],
  ] as const
  for (const [prefix, name] of missed) t.notOk(finds(prefix, name), `${shown(prefix)} misses ${shown(name)}`)
})

t.test('every beginning of a plain name finds it', async (t) => {
  const plain = fc.stringMatching(/^[!-~][ -~]{0,40}$/)
  const property = fc.property(plain, fc.nat({ max: 41 }), (name, length) => finds(name.slice(0, length), name))
  holds(t, property, 500)
})

/** Titles of assertions are plain ASCII, which is what TAP carries safely. */
function shown(text: string): string {
  return JSON.stringify(text).replace(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`)
}
