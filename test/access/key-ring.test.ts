import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { KeyRing } from '../../src/access/key-ring.ts'
import { runKeysCommand } from '../../src/access/keys-command.ts'
import { TestClock } from '../test-clock.ts'
import { newKey } from './new-key.ts'

function setUp(t: Test) {
  const path = join(t.testdir(), 'keys.json')
  const lab = newKey(path, 'lab', 'read')
  const said: string[] = []
  const log = {
    info: (line: string) => void said.push(line),
    error: (line: string) => void said.push(`error: ${line}`),
  }
  const clock = new TestClock()
  return { path, lab, said, clock, keys: new KeyRing(path, log) }
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
  t.teardown(keys.watch(clock))
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

test('a file that is broken or gone leaves the keys in force and says so once, until it is whole again', async (t) => {
  const { path, lab, clock, keys, said } = setUp(t)
  t.teardown(keys.watch(clock))
  appendFileSync(path, '!')
  clock.advance(5_000)
  t.match(said, [/^error: .*those read before stay in force: API keys file .*: is not JSON$/])
  rmSync(path)
  clock.advance(5_000)
  t.match(said.slice(1), [/^error: .*there is no such file$/])
  t.match(keys.find(lab), { name: 'lab' })
  writeFileSync(path, '{"keys":[]}')
  clock.advance(1_000)
  t.equal(keys.find(lab), undefined)
  t.equal(said.length, 3)
})

test('who asks to read the file again is told also when it is the same', async (t) => {
  const { clock, keys, said } = setUp(t)
  t.teardown(keys.watch(clock))
  keys.reload()
  clock.advance(1_000)
  t.same(said, ['API keys were read again; in force: 1'])
})

test('nothing is looked at any more once watching has ended', async (t) => {
  const { path, clock, keys, said } = setUp(t)
  const unwatch = keys.watch(clock)
  clock.advance(1_000)
  unwatch()
  t.equal(clock.waiting, 0)
  appendFileSync(path, '!')
  clock.advance(5_000)
  t.same(said, [])
})
