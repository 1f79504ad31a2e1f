import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { KeyFileRefused, readKeyFile } from '../../src/access/key-file.ts'

const SHA256 = 'ab'.repeat(32)
const key = { name: 'lab', scopes: ['submit', 'read'], sha256: SHA256, createdAt: '2026-01-31T12:00:00.000Z' }
const { name: _, ...nameless } = key

function fileWith(t: Test, content: unknown): string {
  const path = join(t.testdir(), 'keys.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

function problemWith(t: Test, content: unknown): string {
  const path = fileWith(t, content)
  try {
    readKeyFile(path)
  } catch (error) {
    t.ok(error instanceof KeyFileRefused)
    const { message } = error as Error
    t.ok(message.startsWith(`API keys file ${path}: `), 'it names the file')
    t.notMatch(message, '\n', 'one line')
    return message.slice(`API keys file ${path}: `.length)
  }
  return ''
}

test('a file of keys is read as it stands, one without any key too', async (t) => {
  t.same(readKeyFile(fileWith(t, { keys: [key, { ...key, sha256: 'cd'.repeat(32) }] })).keys[0], key)
  t.same(readKeyFile(fileWith(t, { keys: [] })).keys, [])
  const forOne = { ...key, scopes: ['read', 'consume:erp', 'consume:a.b_c-1'] }
  t.same(readKeyFile(fileWith(t, { keys: [forOne] })).keys, [forOne])
  const ending = { ...key, expiresAt: '2026-12-31T00:00:00Z' }
  t.same(readKeyFile(fileWith(t, { keys: [ending] })).keys, [ending])
})

test('a byte order mark and the line ends of Windows are no harm', async (t) => {
  const text = JSON.stringify({ keys: [key] }, null, 2).replaceAll('\n', '\r\n')
  t.same(readKeyFile(fileWith(t, `\uFEFF${text}\r\n`)).keys, [key])
  t.equal(problemWith(t, `\uFEFF\uFEFF${text}`), 'is not JSON', 'but one is enough')
})

const LIST = 'must be an object with a list "keys" and nothing else'
const NAME = 'keys[0].name: must be 1 to 64 letters, digits and _ . -'
const SCOPES = 'keys[0].scopes: must be a list of one or more of submit, read, consume, admin, consume:<subscription>'

const broken: [content: unknown, problem: string][] = [
  ['', 'is not JSON'],
  ['{"keys":[', 'is not JSON'],
  ['secret', 'is not JSON'],
  ['null', LIST],
  [[], LIST],
  [{}, LIST],
  [{ keys: {} }, LIST],
  [{ keys: [], more: 1 }, LIST],
  [{ keys: [key, null] }, 'keys[1]: must be an object'],
  [{ keys: [[]] }, 'keys[0]: must be an object'],
  [{ keys: [nameless] }, NAME],
  [{ keys: [{ ...key, name: 'a b' }] }, NAME],
  ...['consume:', 'consume:Erp', 'consume:-', 'read:erp', `consume:${'x'.repeat(65)}`].map(
    (scope) => [{ keys: [{ ...key, scopes: ['read', scope] }] }, SCOPES] as [object, string],
  ),
  [{ keys: [{ ...key, name: '' }] }, NAME],
  [{ keys: [{ ...key, name: 'x'.repeat(65) }] }, NAME],
  [{ keys: [{ ...key, scopes: [] }] }, SCOPES],
  [{ keys: [{ ...key, scopes: 'read' }] }, SCOPES],
  [{ keys: [{ ...key, scopes: ['all'] }] }, SCOPES],
  [{ keys: [{ ...key, sha256: 'AB'.repeat(32) }] }, 'keys[0].sha256: must be 64 lower-case hex digits'],
  [{ keys: [{ ...key, sha256: [SHA256] }] }, 'keys[0].sha256: must be 64 lower-case hex digits'],
  [{ keys: [{ ...key, createdAt: 'yesterday' }] }, 'keys[0].createdAt: must be a time in ISO 8601'],
  ...['', 'never', 1_800_000_000, null, '2026-02-30T00:00:00Z', '2026-12-31', '2026-12-31T00:00:00+01:00'].map(
    (expiresAt): [unknown, string] => [
      { keys: [{ ...key, expiresAt }] },
      'keys[0].expiresAt: must be a time in UTC, as 2026-12-31T00:00:00Z',
    ],
  ),
  [{ keys: [key, { ...key, name: 'other' }] }, 'keys[1].sha256: stands there twice'],
]

test('a file that is wrong in any part is refused with what is wrong and where', async (t) => {
  for (const [content, problem] of broken) t.equal(problemWith(t, content), problem)
})

test('a file with a field that nobody knows is refused', async (t) => {
  const limited = { keys: [{ ...key, address: '10.0.0.1' }] }
  t.equal(problemWith(t, limited), 'keys[0]: has a field that is not known, "address"')
})

test('a missing file, or a folder in its place, is refused', async (t) => {
  const folder = t.testdir()
  t.throws(() => readKeyFile(join(folder, 'none.json')), { message: /none\.json: there is no such file$/ })
  t.throws(() => readKeyFile(folder), { message: /: cannot be read \(EISDIR\)$/ })
})

test('what is refused is never quoted: it may be a secret', async (t) => {
  t.notMatch(problemWith(t, '{"keys": ffi_secret}'), 'ffi_')
  t.notMatch(problemWith(t, { keys: [{ ...key, sha256: 'ffi_secret' }] }), 'ffi_')
})
