import { appendFileSync, chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { digestOf } from '../../src/access/api-key.ts'
import { KeyRing } from '../../src/access/key-ring.ts'
import { runKeysCommand } from '../../src/access/keys-command.ts'
import { newKey } from '../support/new-key.ts'
import { TestClock } from '../support/test-clock.ts'

function setUp(t: Test) {
  const path = join(t.testdir(), 'keys.json')
  const lab = newKey(path, 'lab', 'read')
  const said: string[] = []
  const audited: object[] = []
  const log = {
    info: (_fields: object, line: string) => void said.push(line),
    warn: (line: string) => void said.push(`warn: ${line}`),
    error: (line: string) => void said.push(`error: ${line}`),
  }
  const audit = { info: (fields: object) => void audited.push(fields) }
  const clock = new TestClock()
  const open = () => new KeyRing(path, { log, audit, clock })
  return { path, lab, said, audited, clock, open, keys: open() }
}

test('a key is found by its secret, and by nothing else', async (t) => {
  const { lab, keys } = setUp(t)
  t.match(keys.find(lab), { name: 'lab', scopes: ['read'] })
  for (const other of ['', lab.slice(0, -1), `${lab}A`, lab.toUpperCase(), keys.find(lab)?.sha256 ?? '']) {
    t.equal(keys.find(other), undefined)
  }
})

test('a changed file is read again within a second', async (t) => {
  const { path, lab, clock, keys, said } = setUp(t)
  t.teardown(keys.watch())
  clock.advance(10_000)
  t.same(said, [], 'and not as long as it is the same')
  const ops = newKey(path, 'ops', 'admin')
  t.equal(keys.find(ops), undefined)
  clock.advance(1_000)
  t.match(keys.find(ops), { name: 'ops' })
  runKeysCommand(['revoke', '--name', 'lab'], path, new Date())
  t.match(keys.find(lab), { name: 'lab' })
  clock.advance(1_000)
  t.equal(keys.find(lab), undefined)
  t.same(said, ['API keys were read again; in force: 2', 'API keys were read again; in force: 1'])
})

test('a file that is broken or gone leaves the keys in force and says so at once, until it is whole again', async (t) => {
  const { path, lab, clock, keys, said } = setUp(t)
  t.teardown(keys.watch())
  appendFileSync(path, '!')
  clock.advance(5_000)
  t.match(said, [/^error: .*those read before stay in force: API keys file .*: is not JSON$/])
  rmSync(path)
  clock.advance(5_000)
  t.match(said.slice(1), [/^error: .*there is no such file$/])
  t.match(keys.find(lab), { name: 'lab' })
  writeFileSync(path, '{"keys":[]}', { mode: 0o600 })
  clock.advance(1_000)
  t.equal(keys.find(lab), undefined)
  t.equal(said.length, 3)
})

test('a requested reload is logged even when the file has not changed', async (t) => {
  const { clock, keys, said } = setUp(t)
  t.teardown(keys.watch())
  keys.reload()
  clock.advance(1_000)
  t.same(said, ['API keys were read again; in force: 1'])
})

test('the file is not read any more once watching has ended', async (t) => {
  const { path, clock, keys, said } = setUp(t)
  const unwatch = keys.watch()
  clock.advance(1_000)
  unwatch()
  t.equal(clock.waiting, 0)
  appendFileSync(path, '!')
  clock.advance(5_000)
  t.same(said, [])
})

test('while the file cannot be read the keys are stale, and the line comes again each minute', async (t) => {
  const { path, clock, keys, said } = setUp(t)
  t.teardown(keys.watch())
  t.equal(keys.isStale, false)
  rmSync(path)
  clock.advance(1_000)
  t.equal(keys.isStale, true)
  clock.advance(59_000)
  t.equal(said.length, 1)
  clock.advance(1_000)
  t.equal(said.length, 2)
  clock.advance(180_000)
  t.equal(said.length, 5)
  for (const line of said) t.match(line, /^error: .*there is no such file$/)
  writeFileSync(path, '{"keys":[]}', { mode: 0o600 })
  clock.advance(1_000)
  t.equal(keys.isStale, false)
  clock.advance(180_000)
  t.equal(said.length, 6)
})

test('a file that cannot be read is tried again within a minute though the clock was set back', async (t) => {
  const { path, clock, keys, said } = setUp(t)
  t.teardown(keys.watch())
  rmSync(path)
  clock.advance(1_000)
  clock.setBack(3_600_000)
  clock.advance(61_000)
  t.equal(said.length, 2)
})

test('a change of the keys is audited with the ids of those added, removed and changed', async (t) => {
  const { path, lab, clock, keys, audited } = setUp(t)
  t.teardown(keys.watch())
  const ops = newKey(path, 'ops', 'admin')
  clock.advance(1_000)
  const [labId, opsId] = [lab, ops].map((secret) => digestOf(secret).slice(0, 12))
  t.same(audited, [{ added: [opsId], removed: [], changed: [] }])
  writeFileSync(path, readFileSync(path, 'utf8').replace('"admin"', '"read"'))
  clock.advance(1_000)
  t.same(audited[1], { added: [], removed: [], changed: [opsId] })
  runKeysCommand(['revoke', '--name', 'lab'], path, new Date())
  keys.reload()
  t.same(audited[2], { added: [], removed: [labId], changed: [] })
  writeFileSync(path, `${readFileSync(path, 'utf8')}\n`)
  clock.advance(1_000)
  t.equal(audited.length, 3, 'a file that says the same changes nothing')
  t.notMatch(JSON.stringify(audited), 'ffi_')
})

for (const mode of [0o622, 0o666, 0o660, 0o602, 0o777]) {
  test(`a file of mode ${mode.toString(8)} is refused at the start, and keeps the old keys later`, async (t) => {
    const { path, lab, clock, keys, said, open } = setUp(t)
    t.teardown(keys.watch())
    chmodSync(path, mode)
    const message = /: can be written by others than its owner \(mode 0\d+\); look through its keys, then: chmod go-w$/
    t.throws(open, { name: 'KeyFileRefused', message })
    newKey(path, 'ops', 'admin')
    chmodSync(path, mode)
    clock.advance(1_000)
    t.match(said, [message])
    t.equal(keys.isStale, true)
    t.match(keys.find(lab), { name: 'lab' })
    chmodSync(path, 0o600)
    clock.advance(1_000)
    t.equal(keys.isStale, false)
  })
}

test('a file that every user can read is taken with a warning, one that its group can read without', async (t) => {
  const { path, said, open } = setUp(t)
  for (const mode of [0o600, 0o640, 0o440]) {
    chmodSync(path, mode)
    open()
  }
  t.same(said, [])
  chmodSync(path, 0o644)
  t.match(open().find('x'), undefined)
  t.match(said, [/^warn: API keys file .*: every user can read it \(mode 0644\)$/])
})

test('a key is known until its end, to the millisecond, and unknown from then on', async (t) => {
  const { path, clock, open } = setUp(t)
  const end = new Date(clock.now() + 2_500).toISOString()
  const words = ['create', '--name', 'guest', '--scope', 'read', '--expires', end]
  const guest = runKeysCommand(words, path, new Date(clock.now())).output
  const keys = open()
  clock.advance(2_499)
  t.match(keys.find(guest), { name: 'guest' })
  clock.advance(1)
  t.equal(keys.find(guest), undefined)
})
