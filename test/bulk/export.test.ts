import { hash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { readSheet } from 'read-excel-file/node'
import { type Test, test } from 'tap'
import { contentOf } from '../../src/bulk/files/write.ts'
import { startGuarded } from '../support/http/keys.ts'
import { startListening } from '../support/http/service.ts'
import { newKey } from '../support/new-key.ts'
import { runExport, runImport, startExport } from '../support/run-bulk.ts'
import { scriptedService } from '../support/scripted-service.ts'
import { call, post } from '../support/service-process.ts'

const HEAD = ['id', 'formula', 'material', 'concentration', 'createdAt', 'metadata', 'submittedBy', 'derivedFrom']
const PLAIN = { delimiter: ',', decimal: '.', bom: false, forSpreadsheets: false } as const

interface Stored {
  id: string
  name: string
}

const formulas = [
  {
    name: 'A, "quoted"',
    materials: [{ name: 'Rose', concentration: '123456789012.123456789012' }],
    metadata: { '10': '=1+1', 'cas.Rose': '8007-01-0', note: 'a, "b"; é\\' },
  },
  {
    name: 'Same name',
    materials: [
      { name: 'Musk; deep', concentration: '1' },
      { name: 'Amber', concentration: '0.5' },
    ],
    metadata: { trial: '7' },
  },
  { name: 'Same name', materials: [{ name: 'Ολίβανο', concentration: '2' }] },
  ...Array.from({ length: 250 }, (_, index) => ({
    name: `F${index}`,
    materials: [{ name: 'Rose', concentration: String(index + 1) }],
  })),
]

test('what is exported, in any format, can be imported into another service, and is the same there', async (t) => {
  const directory = t.testdir()
  const { url } = await startListening(t)
  await post(url, 'k', formulas)
  const newestFirst = formulas.toReversed().map(({ name }) => name)
  for (const format of ['ndjson', 'json', 'csv', 'xlsx']) {
    const file = join(directory, `all.${format}`)
    const exported = await runExport(url, [file])
    t.equal(exported.code, 0, format)
    t.match(exported.stderr, [`${formulas.length} formulas exported`])
    t.notOk(existsSync(`${file}.part`))
    const other = await startListening(t)
    const { code, stdout } = await runImport(other.url, [file, '--concurrency', '1'])
    t.equal(code, 0)
    t.same(stdout, [`${formulas.length} added, 0 known already, 0 refused`])
    if (format === 'xlsx') {
      const { formulas: found } = await call<{ formulas: Stored[] }>(other.url, '/formulas?name=a,')
      t.match(found, [formulas[0]])
      continue
    }
    const again = join(directory, `again.${format}`)
    await runExport(other.url, [again])
    const withoutTimes = (path: string) => readFileSync(path, 'utf8').replace(/\d{4}-\d\d-\d\dT[\d:.]{12}Z/g, '')
    t.not(withoutTimes(again), withoutTimes(file), 'the order is turned: the newest was imported first')
    const sorted = (path: string) => withoutTimes(path).replace(/,$/gm, '').split('\n').sort()
    t.same(sorted(again), sorted(file))
  }
  const lines = readFileSync(join(directory, 'all.ndjson'), 'utf8').trim().split('\n')
  t.same(
    lines.map((line) => (JSON.parse(line) as Stored).name),
    newestFirst,
  )
})

test('an export with fingerprints of version 1 can be imported; compositions that are now equal are added once', async (t) => {
  const names = ['Iso E Super®', 'Iso E Super', 'Rose']
  const exported = names.map((material, index) => ({
    id: hash('sha256', `fragrance-formula/1 ${material}`),
    name: `F${index}`,
    materials: [{ name: material, concentration: '1' }],
    createdAt: '2026-01-31T12:00:00.000Z',
  }))
  for (const format of ['ndjson', 'json', 'csv'] as const) {
    const content = (await Array.fromAsync(contentOf(format, PLAIN, [exported]))).join('')
    const file = join(t.testdir({ [`old.${format}`]: content }), `old.${format}`)
    const { url } = await startListening(t)
    const { code, stdout } = await runImport(url, [file, '--concurrency', '1'])
    t.equal(code, 0, format)
    t.same(stdout, ['2 added, 1 known already, 0 refused'])
    const { formulas: stored } = await call<{ formulas: Stored[] }>(url, '/formulas')
    t.same(stored.map(({ name }) => name).sort(), ['F0', 'F2'])
    t.notOk(stored.some(({ id }) => exported.some((old) => old.id === id)))
  }
})

test('without a file name, an export goes to standard output; an empty service exports no formulas', async (t) => {
  t.testdir()
  const { url } = await startListening(t)
  t.same((await runExport(url, [])).stdout, [])
  t.same((await runExport(url, ['--format', 'json'])).stdout, ['[', ']'])
  t.same((await runExport(url, ['--format', 'csv'])).stdout, [HEAD.join()])
  await post(url, 'k', formulas[0])
  const { code, stdout } = await runExport(url, [])
  t.equal(code, 0)
  const { formulas: stored } = await call<{ formulas: Stored[] }>(url, '/formulas')
  t.same(
    stdout.map((line) => JSON.parse(line)),
    stored,
  )
})

test('an export has who submitted each formula; an import leaves that to the service', async (t) => {
  const directory = t.testdir()
  const { app, submitter, path } = await startGuarded(t)
  await submitter.submit(formulas.slice(0, 3))
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  writeFileSync(join(directory, 'key'), newKey(path, 'both', 'submit,read'))
  app.apiKeys?.reload()
  for (const format of ['ndjson', 'json', 'csv', 'xlsx']) {
    const file = join(directory, `all.${format}`)
    t.equal((await runExport(url, [file, '--key-file', join(directory, 'key')])).code, 0, format)
    if (format !== 'xlsx') t.equal(readFileSync(file, 'utf8').match(/\bsubmit\b/g)?.length, format === 'csv' ? 4 : 3)
    const other = await startListening(t)
    t.equal((await runImport(other.url, [file])).code, 0, format)
    const { formulas: found } = await call<{ formulas: object[] }>(other.url, '/formulas')
    t.equal(found.length, 3)
    for (const one of found) t.notOk('submittedBy' in one)
  }
})

const HARMFUL = ['=HYPERLINK("http://evil","x")', '@SUM(1+1)', '+1', '-1']

test('a CSV export for spreadsheets has a byte order mark, their delimiter and decimal, and no cell they would evaluate', async (t) => {
  const directory = t.testdir()
  const { url } = await startListening(t)
  const materials = HARMFUL.map((name, index) => ({ name, concentration: `${index + 1}.5` }))
  await post(url, 'k', [{ name: '=1+1', materials }])
  const file = join(directory, 'all.csv')
  await runExport(url, [file, '--bom', '--delimiter', ';', '--decimal', ',', '--for-spreadsheets'])
  const text = readFileSync(file, 'utf8')
  t.ok(text.startsWith(`\ufeff${HEAD.join(';')}\n`))
  t.match(text, ';\'=1+1;"\'=HYPERLINK(""http://evil"",""x"")";1,5;')
  for (const name of HARMFUL) t.notMatch(text, `;${name}`)
})

test('a workbook has every formula with each digit, as text that no spreadsheet calculates', async (t) => {
  const directory = t.testdir()
  const { url } = await startListening(t)
  await post(url, 'k', formulas)
  const file = join(directory, 'all.xlsx')
  t.equal((await runExport(url, [file])).code, 0)
  t.equal(statSync(file).mode & 0o777, 0o600)
  const [head, ...rows] = await readSheet(file, { trim: false })
  t.same(head, HEAD)
  t.same(
    rows.toReversed().map(([, name, material, concentration]) => [name, material, concentration]),
    formulas.flatMap(({ name, materials }) =>
      materials.toReversed().map((material) => [name, material.name, material.concentration]),
    ),
  )
})

test('an address that can never answer ends an export at once, with the reason', async (t) => {
  t.testdir()
  const { url } = await startListening(t)
  const { port } = new URL(url)
  for (const [address, reason] of [
    ['http://127.0.0.1:10080', /Node refuses to connect to ports/],
    [`https://127.0.0.1:${port}`, /does not speak TLS/],
    [await answering(t, 'SSH-2.0-OpenSSH_9.2\r\n'), /does not speak HTTP/],
  ] as const) {
    const { code, stderr } = await runExport(address, [])
    t.equal(code, 1, address)
    t.match(stderr.at(-1), reason)
  }
})

/** @returns the URL of a server that sends this text to every client and hangs up */
async function answering(t: Test, text: string): Promise<string> {
  const server = createServer((socket) => socket.on('error', () => {}).end(text)).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a failed export leaves no partial file, and an older export as it is', async (t) => {
  const directory = t.testdir({ 'all.json': 'older' })
  const page = { formulas: [{ id: 'x', name: 'A', materials: [], createdAt: '' }], nextCursor: 'c' }
  let pages = 0
  const { url } = await scriptedService(t, () => (pages++ < 3 ? { status: 200, body: page } : { status: 403 }))
  const file = join(directory, 'all.json')
  const { code, stderr } = await runExport(url.href, [file])
  t.equal(code, 1)
  t.match(stderr.join('\n'), /403/)
  t.equal(readFileSync(file, 'utf8'), 'older')
  t.same(readdirSync(directory), ['all.json'])
})

test('Ctrl-C ends an export with 130 and leaves no file', async (t) => {
  const directory = t.testdir()
  let asked = () => {}
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve
  })
  const { url } = await scriptedService(t, () => {
    asked()
    return { status: 503, headers: { 'retry-after': '60' } }
  })
  const exporting = startExport(t, url.href, [join(directory, 'all.csv')])
  await isAsked
  t.equal((await exporting.kill('SIGINT')).code, 130)
  t.same(readdirSync(directory), [])
})

test('a busy service is asked for the same page again', async (t) => {
  t.testdir()
  const page = (name: string, nextCursor: string | null) => ({
    status: 200,
    body: { formulas: [{ id: name, name, materials: [], createdAt: '' }], nextCursor },
  })
  const answers = [page('A', 'c+1'), { status: 503 }, page('B', null)]
  const { url, seen } = await scriptedService(t, () => answers.shift() ?? 'break')
  const { code, stdout } = await runExport(url.href, [])
  t.equal(code, 0)
  t.same(
    stdout.map((line) => (JSON.parse(line) as Stored).name),
    ['A', 'B'],
  )
  t.same(
    seen.map(({ url }) => url),
    ['/formulas?limit=200', '/formulas?limit=200&cursor=c%2B1', '/formulas?limit=200&cursor=c%2B1'],
  )
})
