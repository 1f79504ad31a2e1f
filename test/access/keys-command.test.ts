import {
  chmodSync,
  chownSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { digestOf } from '../../src/access/api-key.ts'
import { changeKeyFile, KeyFileRefused, readKeyFile } from '../../src/access/key-file.ts'
import { CommandRefused, runKeysCommand } from '../../src/access/keys-command.ts'
import { newKey } from '../support/new-key.ts'

const NOW = new Date('2026-01-31T12:00:00.000Z')
const run = (path: string, line: string) => runKeysCommand(line === '' ? [] : line.split(' '), path, NOW)
const fileIn = (t: Test, ...place: string[]) => join(t.testdir(), ...place, 'keys.json')
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)
const namesIn = (path: string) => readKeyFile(path).keys.map(({ name }) => name)

test('create gives out a new secret of 256 bits, and keeps nothing of it but its SHA-256', async (t) => {
  const path = fileIn(t, 'not', 'there', 'yet')
  const { output, note } = run(path, 'create --name lab --scope submit,read')
  t.match(output, /^ffi_[\w-]{43}$/)
  const sha256 = digestOf(output)
  t.same(JSON.parse(readFileSync(path, 'utf8')), {
    keys: [{ name: 'lab', scopes: ['submit', 'read'], sha256, createdAt: NOW.toISOString() }],
  })
  t.notMatch(readFileSync(path, 'utf8'), output.slice(4))
  t.match(note, `Key ${sha256.slice(0, 12)} of lab may submit, read. The secret is shown only once`)
  t.notMatch(note, 'ffi_')
  t.not(run(path, 'create --name lab --scope admin').output, output)
})

test('scopes may be given one by one, and count once', async (t) => {
  const path = fileIn(t)
  run(path, 'create --scope read --name lab --scope read,consume')
  t.same(readKeyFile(path).keys[0]?.scopes, ['read', 'consume'])
})

test('a second key of a name is told with how to revoke the first', async (t) => {
  const path = fileIn(t)
  const first = digestOf(newKey(path, 'lab', 'read')).slice(0, 12)
  newKey(path, 'other', 'read')
  const { note } = run(path, 'create --name lab --scope read')
  t.match(note, `revoke --id ${first}`)
  t.equal(note.match(/revoke/g)?.length, 1)
})

test('list shows every key but no secret', async (t) => {
  const path = fileIn(t)
  const secrets = [
    run(path, 'create --name lab --scope submit,read --expires 90d'),
    run(path, 'create --name ops --scope admin'),
  ]
  const [lab, ops] = secrets.map(({ output }) => digestOf(output).slice(0, 12))
  t.equal(
    run(path, 'list').output,
    `ID            NAME  SCOPES       CREATED                   EXPIRES
${lab}  lab   submit,read  2026-01-31T12:00:00.000Z  2026-05-01T12:00:00.000Z
${ops}  ops   admin        2026-01-31T12:00:00.000Z  never`,
  )
})

test('revoke takes away every key of a name, or the one of an id', async (t) => {
  const path = fileIn(t)
  const old = digestOf(newKey(path, 'lab', 'read')).slice(0, 12)
  for (const name of ['lab', 'lab', 'ops']) newKey(path, name, 'read')
  t.equal(run(path, `revoke --id ${old}`).output, `Revoked ${old} of lab`)
  t.same(namesIn(path), ['lab', 'lab', 'ops'])
  t.match(run(path, 'revoke --name lab').output, /^Revoked \w{12} of lab\nRevoked \w{12} of lab$/)
  t.same(namesIn(path), ['ops'])
  t.throws(() => run(path, 'revoke --name lab'), new CommandRefused('There is no key of the name lab'))
  t.throws(() => run(path, `revoke --id ${old}`), new CommandRefused(`There is no key with the id ${old}`))
  t.same(namesIn(path), ['ops'])
})

const wrong: [line: string, problem: RegExp][] = [
  ['', /^Usage/],
  ['create', /^Usage/],
  ['create --name lab', /^Usage/],
  ['create --scope read', /^Usage/],
  ['create --name lab --scope read --id 1', /^Usage/],
  ['create lab --name lab --scope read', /^Usage/],
  ['list --name lab', /^Usage/],
  ['revoke', /^Usage/],
  ['revoke --name lab --id 1', /^Usage/],
  ['rotate --name lab', /^Usage/],
  ['create --name lab --scopes read', /'--scopes'.*\nUsage/],
  ['create --name lab --scope all', /^--scope: must be one or more of submit, read, consume, admin/],
  ['create --name lab --scope read,', /^--scope: must/],
  ['create --name a/b --scope read', /^--name: must be 1 to 64 letters/],
  ...['90', '0d', '-1d', '1.5d', '', 'never', '2026-02-30T00:00:00Z', '2027-01-01T00:00:00+01:00', '2027-01-01'].map(
    (end): [string, RegExp] => [
      `create --name lab --scope read --expires=${end}`,
      /^--expires: must be days, as 90d, or/,
    ],
  ),
  [
    `create --name lab --scope read --expires ${NOW.toISOString()}`,
    /^--expires: must be days, .* a future time in UTC/,
  ],
  ['list --expires 90d', /^Usage/],
]

for (const [line, problem] of wrong) {
  test(`keys ${line}: is refused, and nothing is written`, async (t) => {
    const path = fileIn(t)
    t.throws(() => run(path, line), { name: 'CommandRefused', message: problem })
    t.same(readdirSync(join(path, '..')), [])
  })
}

test('without API_KEYS_FILE no command does anything', async (t) => {
  for (const path of [undefined, '']) {
    t.throws(() => runKeysCommand(['list'], path, NOW), {
      name: 'CommandRefused',
      message: /^API_KEYS_FILE is not set/,
    })
  }
})

test('a file that is made is for its owner alone', async (t) => {
  const path = fileIn(t)
  newKey(path, 'lab', 'read')
  t.equal(modeOf(path), '600')
})

for (const [before, after] of [
  ['600', '600'],
  ['640', '640'],
  ['644', '644'],
  ['660', '640'],
  ['666', '644'],
  ['777', '644'],
  ['620', '600'],
  ['400', '600'],
]) {
  test(`a change of a file of mode ${before} leaves ${after}: who could read it still can, and only its owner writes it`, async (t) => {
    const path = fileIn(t)
    newKey(path, 'lab', 'read')
    chmodSync(path, `0${before}`)
    const { note } = run(path, 'revoke --name lab')
    t.equal(modeOf(path), after)
    const isSuspect = /[2367]/.test(`${before}`.slice(1))
    t.equal(/could write the file \(mode 0\d+\): look through its keys/.test(note), isSuspect, note)
  })
}

const NOBODY = 65_534
const asRoot = { skip: process.getuid?.() === 0 ? false : 'needs root' }

test('a file that root changes stays that of its owner and its group', asRoot, async (t) => {
  const path = fileIn(t)
  newKey(path, 'lab', 'read')
  chownSync(path, NOBODY, NOBODY)
  chmodSync(path, 0o640)
  t.match(run(path, 'revoke --name lab').note, `if it runs as user ${NOBODY}, in group ${NOBODY} or root`)
  const { uid, gid } = statSync(path)
  t.same([uid, gid, modeOf(path)], [NOBODY, NOBODY, '640'])
})

test('revoke says which services will take note, and create when root alone can read what it made', async (t) => {
  const path = fileIn(t)
  const { uid } = { uid: process.getuid?.() ?? 0 }
  const made = run(path, 'create --name lab --scope read').note
  t.equal(/Only root can read/.test(made), uid === 0)
  t.match(
    run(path, 'revoke --name lab').note,
    /^A running service picks this up .* it runs as .*Any other cannot read the file \(mode 0600\)/,
  )
  newKey(path, 'lab', 'read')
  chmodSync(path, 0o644)
  t.equal(run(path, 'revoke --name lab').note, 'A running service picks this up within a second')
})

test('a key that has ended is listed as such', async (t) => {
  const path = fileIn(t)
  run(path, 'create --name lab --scope read --expires 2026-01-31T12:00:01Z')
  const later = runKeysCommand(['list'], path, new Date(NOW.getTime() + 1_000))
  t.match(later.output, /2026-01-31T12:00:01Z \(expired\)$/)
})

test('the file is replaced as a whole: who reads the old one goes on reading it', async (t) => {
  const path = fileIn(t)
  newKey(path, 'lab', 'read')
  const { ino } = statSync(path)
  newKey(path, 'lab', 'read')
  t.not(statSync(path).ino, ino)
  t.same(readdirSync(join(path, '..')), ['keys.json'])
})

test('a link to the file stays one', async (t) => {
  const path = fileIn(t)
  newKey(path, 'lab', 'read')
  const link = join(path, '..', 'link.json')
  symlinkSync(path, link)
  newKey(link, 'ops', 'read')
  t.ok(lstatSync(link).isSymbolicLink())
  t.same(namesIn(path), ['lab', 'ops'])
})

test('two changes at a time do not lose one another: the second is refused', async (t) => {
  const path = fileIn(t)
  changeKeyFile(path, (keys) => {
    t.throws(() => newKey(path, 'late', 'read'), { name: 'KeyFileRefused', message: /is being changed; if no command/ })
    return keys
  })
  newKey(path, 'lab', 'read')
  t.same(namesIn(path), ['lab'])
})

test('a broken file is left as it is', async (t) => {
  const path = fileIn(t)
  writeFileSync(path, 'broken')
  for (const line of ['create --name lab --scope read', 'list', 'revoke --name lab']) {
    t.throws(() => run(path, line), KeyFileRefused)
  }
  t.equal(readFileSync(path, 'utf8'), 'broken')
  t.same(readdirSync(join(path, '..')), ['keys.json'])
})

test('a file that cannot be written is told in one line', async (t) => {
  const folder = t.testdir({ file: '' })
  t.throws(() => newKey(join(folder, 'file', 'keys.json'), 'lab', 'read'), {
    name: 'KeyFileRefused',
    message: /cannot be written \(E\w+\)$/,
  })
})
