import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { start } from '../support/command.ts'
import { startListening } from '../support/http/service.ts'
import { scriptedService } from '../support/scripted-service.ts'
import { call } from '../support/service-process.ts'

const formula = (name: string, concentration: string) =>
  `{"name":"${name}","materials":[{"name":"Rose","concentration":${concentration}}]}`

const submit = (t: Test, url: string, file: string, environment = {}) =>
  start(t, 'examples/submit.ts', [file], { SERVICE_URL: url, ...environment })

test('a formula is submitted once however often it is sent, and no digit is lost', async (t) => {
  const directory = t.testdir({ 'order.json': formula('A', '123456789012.123456789012') })
  const { url } = await startListening(t)
  const file = join(directory, 'order.json')
  const first = await submit(t, url, file).ended
  t.equal(first.code, 0)
  t.match(JSON.parse(first.stdout[0] ?? ''), { added: [/^[0-9a-f]{64}$/] })
  const again = await submit(t, url, file).ended
  t.same({ code: again.code, stdout: again.stdout }, { code: 0, stdout: first.stdout })
  const { formulas } = await call<{ formulas: unknown[] }>(url, '/formulas')
  t.match(formulas, [{ materials: [{ concentration: '123456789012.123456789012' }] }])
  t.equal(formulas.length, 1)
})

test('a refused formula is told, and goes under the same key when it is corrected; later changes do not', async (t) => {
  const directory = t.testdir({ 'order.json': formula('A', '-1') })
  const { url } = await startListening(t)
  const file = join(directory, 'order.json')
  const refused = await submit(t, url, file).ended
  t.equal(refused.code, 1)
  t.match(JSON.parse(refused.stdout[0] ?? ''), {
    status: 400,
    details: [{ path: '/materials/0/concentration' }],
  })
  const key = readFileSync(`${file}.key`, 'utf8')
  writeFileSync(file, formula('A', '1'))
  t.equal((await submit(t, url, file).ended).code, 0)
  t.equal(readFileSync(`${file}.key`, 'utf8'), key)
  writeFileSync(file, formula('A', '2'))
  const changed = await submit(t, url, file).ended
  t.equal(changed.code, 1)
  t.match(JSON.parse(changed.stdout[0] ?? ''), { status: 422, code: 'IDEMPOTENCY_KEY_REUSED' })
})

test('a file that is not in UTF-8 is refused in one line, before anything is sent', async (t) => {
  const file = join(t.testdir(), 'order.json')
  writeFileSync(file, formula('Rosé', '1'), 'latin1')
  const { url, seen } = await scriptedService(t, () => ({ status: 401 }))
  const { code, stderr } = await submit(t, url.origin, file).ended
  t.equal(code, 1)
  t.same(stderr, [`${file} is not in UTF-8`])
  t.same(seen, [])
})

test('a known composition is reported with the id of the stored formula', async (t) => {
  const directory = t.testdir({ 'one.json': formula('A', '1'), 'two.json': formula('B', '"1.0"') })
  const { url } = await startListening(t)
  const one = await submit(t, url, join(directory, 'one.json')).ended
  const two = await submit(t, url, join(directory, 'two.json')).ended
  t.equal(two.code, 2)
  const { added } = JSON.parse(one.stdout[0] ?? '')
  t.match(JSON.parse(two.stdout[0] ?? ''), { code: 'FORMULA_EXISTS', details: [{ id: added[0] }] })
})

test('the key is on disk before anything is sent, and another run sends the same under it', async (t) => {
  const directory = t.testdir({ 'order.json': formula('A', '1') })
  const file = join(directory, 'order.json')
  const { url, seen } = await scriptedService(t, () => {
    t.ok(existsSync(`${file}.key`))
    return { status: 401 }
  })
  for (const run of [1, 2]) {
    t.equal((await submit(t, url.origin, file, { API_KEY: 'secret' }).ended).code, 1)
    t.equal(seen.length, run)
  }
  const key = readFileSync(`${file}.key`, 'utf8')
  for (const { headers, body } of seen) {
    t.match(headers, { 'idempotency-key': key, authorization: 'Bearer secret' })
    t.equal(body, formula('A', '1'))
  }
})
