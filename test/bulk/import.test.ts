import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import type { QueueStats } from '../../src/stores/ports.ts'
import { startListening } from '../support/http/service.ts'
import { runImport, startImport } from '../support/run-bulk.ts'
import { call } from '../support/service-process.ts'

interface List {
  formulas: { name: string; materials: { name: string; concentration: string }[] }[]
}

test('all formulas of a file are taken in, with every digit, and the exit code is 0', async (t) => {
  const directory = t.testdir({
    'a.ndjson': '\ufeff{"name":"A","materials":[{"name":"Rose","concentration":123456789012.123456789012}]}\r\n',
    'b.json': '\ufeff[\n{"name":"B","materials":[{"name":"Rose","concentration":0.100000000001e3}]}\n]',
    'c.csv': '\ufeffformula,material,concentration\r\n"C, the ""third""",Rose,.123456789012\r\n',
  })
  const { url } = await startListening(t)
  for (const file of ['a.ndjson', 'b.json', 'c.csv']) {
    const { code, stdout } = await runImport(url, [join(directory, file)])
    t.equal(code, 0, file)
    t.same(stdout, ['1 added, 0 known already, 0 refused'])
  }
  const { formulas } = await call<List>(url, '/formulas')
  t.same(
    formulas.map(({ name, materials: [first] }) => [name, first?.concentration]),
    [
      ['C, the "third"', '0.123456789012'],
      ['B', '100.000000001'],
      ['A', '123456789012.123456789012'],
    ],
  )
})

test('refused formulas are reported with lines and reasons, the others are added, and the exit code is 2', async (t) => {
  const good = (name: string, concentration: number) => ({ name, materials: [{ name: 'Rose', concentration }] })
  const directory = t.testdir({
    'a.ndjson': `${JSON.stringify(good('A1', 1))}\n\n${JSON.stringify(good('A2', -1))}\n{"name":\n${JSON.stringify(good('A3', 2))}\n`,
    'b.json': JSON.stringify([good('B1', 3), { ...good('B2', 4), note: 'x' }, good('B3', 5)], null, 1),
    'c.csv':
      'formula,material,concentration\nC1,Rose,6\nC1,Musk,1\n\nC2,Rose,7\nC2,Musk,"1,5"\nC3,Rose\nC4,Rose,0.1000000000000000055\n',
  })
  const { url } = await startListening(t)
  const decimal = 'Material concentration must be a decimal'
  for (const [file, lines, added] of [
    ['a.ndjson', [/^line 3: .*decimal.*\(\/materials\/0\/concentration\)$/, /^line 4: This is not JSON/], 2],
    ['b.json', [/^line 11: Unknown field on fragrance formula \(\/note\)$/], 2],
    [
      'c.csv',
      [new RegExp(`^line 6: ${decimal}`), /^line 7: The row has 2 fields/, new RegExp(`^line 8: ${decimal}`)],
      1,
    ],
  ] as const) {
    const { code, stdout } = await runImport(url, [join(directory, file)])
    t.equal(code, 2, file)
    t.equal(stdout.at(-1), `${added} added, 0 known already, ${lines.length} refused`)
    t.match(stdout.slice(0, -1).sort(), lines)
  }
})

test('the report has refused and known formulas by line, with codes, paths and ids', async (t) => {
  const formula = (name: string, concentration: unknown) =>
    JSON.stringify({ name, materials: [{ name: 'Rose', concentration }] })
  const lines = [formula('A', 1), formula('B', 'x'), formula('C', '1.0'), 'what?']
  const directory = t.testdir({ 'a.ndjson': lines.join('\n') })
  const { url } = await startListening(t)
  const report = join(directory, 'refused.ndjson')
  const { code, stdout } = await runImport(url, [join(directory, 'a.ndjson'), '--report', report])
  t.equal(code, 2)
  t.same(stdout, ['1 added, 1 known already, 2 refused'])
  const entries = readFileSync(report, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const byLine = entries.sort((one, other) => one.line - other.line)
  t.match(byLine, [
    {
      line: 2,
      outcome: 'refused',
      problems: [{ path: '/materials/0/concentration', code: 'MATERIAL_CONCENTRATION_NOT_DECIMAL' }],
    },
    { line: 3, outcome: 'duplicate', id: /^[0-9a-f]{64}$/, name: 'A' },
    { line: 4, outcome: 'refused', problems: [{ path: '', code: 'UNREADABLE', message: /not JSON/ }] },
  ])
})

test('the complete formulas of a truncated JSON array are imported, and the exit code is 1', async (t) => {
  const directory = t.testdir({
    'a.json': '[\n{"name":"A","materials":[{"name":"Rose","concentration":1}]},\n{"name":"B","mat',
  })
  const { url } = await startListening(t)
  const { code, stdout, stderr } = await runImport(url, [join(directory, 'a.json')])
  t.equal(code, 1)
  t.match(stdout, [/^line 3: .*cut off/, '1 added, 0 known already, 1 refused'])
  t.same(stderr, ['Nothing below line 3 could be read'])
})

test('standard input is read like a file', async (t) => {
  t.testdir()
  const { url } = await startListening(t)
  const input = '{"name":"A","materials":[{"name":"Rose","concentration":1}]}\n'.repeat(3)
  const { code, stdout } = await startImport(t, url, ['-', '--format', 'ndjson'], {}, input).ended
  t.equal(code, 0)
  t.same(stdout, ['1 added, 2 known already, 0 refused'])
})

test('an error that prevents an import is one line, and the exit code is 1', async (t) => {
  const directory = t.testdir({
    'a.ndjson': '{"name":"A","materials":[{"name":"Rose","concentration":1}]}\n',
    'b.json': '{"name":"A"}',
    'c.csv': 'name,stuff\n',
    'sound.csv': Buffer.from([0xfe, 0xff, 0xd8, 0x00, 0x00, 0x41]),
  })
  const { url } = await startListening(t)
  const file = (name: string) => join(directory, name)
  const nobody = 'http://127.0.0.1:9'
  for (const [at, args, message] of [
    [url, [], /Name one file/],
    [url, [file('none.csv')], /ENOENT/],
    [url, [file('b.json')], /a JSON array begins with/],
    [url, [file('c.csv')], /must name the columns/],
    [url, [file('sound.csv')], /not in utf-16be/],
    [url, [file('a.ndjson'), '--report', file('no/where')], /ENOENT/],
    [`${url}/elsewhere`, [file('a.ndjson')], /404 ROUTE_NOT_FOUND/],
    [nobody, [file('a.ndjson'), '--give-up-after', '0'], /Gave up: .*ECONNREFUSED|Node refuses to connect to ports/],
  ] as const) {
    const { code, stderr } = await runImport(at, [...args])
    t.equal(code, 1, args.join(' '))
    t.match(stderr.join('\n'), message)
    t.equal(stderr.length, 1)
  }
})

test('10,000 formulas with duplicates across lists: each composition is stored once, with one event, on any run', async (t) => {
  const directory = t.testdir()
  const file = join(directory, 'many.ndjson')
  const rows = Array.from({ length: 10_000 }, (_, index) => {
    const materials = [{ name: 'Rose', concentration: (index % 9_000) + 1 }]
    return `${JSON.stringify({ name: `F${index}`, materials })}\n`
  })
  writeFileSync(file, rows.join(''))
  const { url } = await startListening(t, { DATABASE_URL: `sqlite:${join(directory, 'formulas.db')}` })
  const first = await runImport(url, [file])
  t.same(first.stdout, ['9000 added, 1000 known already, 0 refused'])
  t.match(await call<QueueStats>(url, '/events/stats'), { ready: 9_000 })
  const second = await runImport(url, [file, '--concurrency', '3'])
  t.same(second.stdout, ['9000 added (9000 by an earlier run or try), 1000 known already, 0 refused'])
  t.match(await call<QueueStats>(url, '/events/stats'), { ready: 9_000 })
})
