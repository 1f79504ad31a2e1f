import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { type Test, test } from 'tap'
import { type Format, readerOf } from '../../src/bulk/files/formats.ts'
import type { Entry } from '../../src/bulk/files/row.ts'
import { Source } from '../../src/bulk/files/source.ts'
import { Interrupted } from '../../src/bulk/service.ts'
import type { QueueStats } from '../../src/stores/ports.ts'
import type { Running } from '../support/command.ts'
import { startListening } from '../support/http/service.ts'
import { plainTable, runImport, startImport } from '../support/run-bulk.ts'
import { added, scriptedService } from '../support/scripted-service.ts'
import { call, startService } from '../support/service-process.ts'
import { until } from '../support/until.ts'

const COUNT = 8_000

/** A file that takes a while, and where the service keeps what comes of it. */
function prepare(t: Test) {
  const directory = t.testdir()
  const file = join(directory, 'many.ndjson')
  const rows = Array.from({ length: COUNT }, (_, index) => {
    const materials = [{ name: 'Rose', concentration: index + 1 }]
    return `${JSON.stringify({ name: `F${index}`, materials })}\n`
  })
  writeFileSync(file, rows.join(''))
  return { file, environment: { DATABASE_URL: `sqlite:${join(directory, 'formulas.db')}` } }
}

/** Waits until an import has begun. @returns how many formulas were stored */
async function untilUnderWay(url: string): Promise<number> {
  for (;;) {
    const { ready } = await call<QueueStats>(url, '/events/stats')
    if (ready > 500) return ready
  }
}

/** Runs the import to its end. Each list must be the same as in the run before: no formula is a duplicate. */
async function runAgain(t: Test, url: string, file: string): Promise<void> {
  const { code, stdout } = await runImport(url, [file])
  t.equal(code, 0)
  t.match(stdout.at(-1), new RegExp(`^${COUNT} added \\(\\d+ by an earlier run or try\\), 0 known already, 0 refused$`))
  t.match(await call<QueueStats>(url, '/events/stats'), { ready: COUNT, leased: 0, delayed: 0, dead: 0 })
}

test('an import killed with kill -9 and run again stores everything once, and sends no list as a duplicate', async (t) => {
  const { file, environment } = prepare(t)
  const { url } = await startListening(t, environment)
  const importing = startImport(t, url, [file])
  await untilUnderWay(url)
  t.match(await importing.kill('SIGKILL'), { signal: 'SIGKILL' })
  t.ok((await call<QueueStats>(url, '/events/stats')).ready < COUNT, 'in mid-run')
  await runAgain(t, url, file)
})

test('Ctrl-C, sent twice as by npm, finishes the lists in flight, exits with 130, and the import can be resumed', async (t) => {
  const { file, environment } = prepare(t)
  const { url } = await startListening(t, environment)
  const importing = startImport(t, url, [file])
  await untilUnderWay(url)
  importing.kill('SIGINT')
  const { code, stdout, stderr } = await importing.kill('SIGINT')
  t.equal(code, 130)
  const { ready } = await call<QueueStats>(url, '/events/stats')
  t.ok(ready < COUNT, 'in mid-run')
  t.same(stdout, [`${ready} added, 0 known already, 0 refused`], 'all that was sent is accounted for')
  t.match(stderr.join('\n'), /Run it again/)
  await runAgain(t, url, file)
})

test('the service is killed with kill -9 in mid-run: the import waits for it and loses nothing', async (t) => {
  const { file, environment } = prepare(t)
  const first = await startService(t, environment)
  const importing = startImport(t, first.url, [file])
  await untilUnderWay(first.url)
  await first.kill('SIGKILL')
  const { url } = await startService(t, { ...environment, PORT: new URL(first.url).port })
  const { code, stdout } = await importing.ended
  t.equal(code, 0)
  t.match(stdout, [new RegExp(`^${COUNT} added( \\(\\d+ by an earlier run or try\\))?, 0 known already, 0 refused$`)])
  t.match(await call<QueueStats>(url, '/events/stats'), { ready: COUNT, leased: 0, delayed: 0, dead: 0 })
})

test('a Ctrl-C while the last list is answered changes nothing: the import is finished', async (t) => {
  const directory = t.testdir({ 'a.csv': 'formula,material,concentration\nA,Rose,1\nB,Rose,2\n' })
  let importing: Running | null = null
  const { url } = await scriptedService(t, (seen) => {
    importing?.kill('SIGINT')
    return added(seen)
  })
  importing = startImport(t, url.href, [join(directory, 'a.csv')])
  const { code, stdout, stderr } = await importing.ended
  t.equal(code, 0)
  t.same(stdout, ['2 added, 0 known already, 0 refused'])
  t.notMatch(stderr.join('\n'), /Not finished/)
})

test('formulas sent with a refused API key are not counted as unanswered', async (t) => {
  const directory = t.testdir({ 'a.csv': 'formula,material,concentration\nA,Rose,1\nB,Rose,2\n' })
  const { url } = await scriptedService(t, () => ({ status: 401, body: { code: 'UNAUTHORIZED' } }))
  const { code, stdout, stderr } = await runImport(url.href, [join(directory, 'a.csv')])
  t.equal(code, 1)
  t.same(stdout, ['0 added, 0 known already, 0 refused, 2 sent and not taken in'])
  t.match(stderr.join('\n'), /refuses the API key: 401/)
})

test('a Ctrl-C in the middle of a formula refuses nothing, and the exit code is 130', async (t) => {
  t.testdir()
  for (const [format, begun] of [
    ['json', '[what?, {"name":"A","materials":['],
    ['ndjson', 'what?\n{"name":"A","materials":['],
  ] as const) {
    const input = new PassThrough()
    input.write(begun)
    const importing = startImport(t, 'http://127.0.0.1:9', ['-', '--format', format, '--dry-run'], {}, input)
    await until(() => importing.stdout.length > 0)
    const { code, stdout, stderr } = await importing.kill('SIGINT')
    t.equal(code, 130, format)
    t.match(stdout, [/^line 1: This is not JSON/, '0 would be sent, 1 refused; nothing was sent'])
    t.match(stderr.at(-1), /^Not finished/)
  }
})

test('whatever is cut off when the reading of a file is stopped is not taken for the end of the file', async (t) => {
  const formulas = Array.from({ length: 10_000 }, (_, index) => {
    return { name: `F${index}`, materials: [{ name: 'Rose', concentration: '1' }] }
  })
  const csv = formulas.map(({ name }) => `${name},Rose,1\n${name},Musk,2\n`)
  const directory = t.testdir({
    ndjson: formulas.map((formula) => `${JSON.stringify(formula)}\n`).join(''),
    json: JSON.stringify(formulas),
    csv: `formula,material,concentration\n${csv.join('')}`,
  })
  for (const format of ['ndjson', 'json', 'csv'] satisfies Format[]) {
    const stop = new AbortController()
    const source = new Source(join(directory, format), format === 'csv' ? 2 : 1, stop.signal)
    const middleOfLastReading = (source.size ?? 0) * (format === 'csv' ? 0.75 : 0.5)
    async function* read() {
      for await (const chunk of source.read()) {
        yield chunk
        if (source.bytesRead > middleOfLastReading) stop.abort()
      }
    }
    const entries: Entry[] = []
    const reading = async () => {
      for await (const some of readerOf(format, ',', plainTable)(read)) entries.push(...some)
    }
    t.type(await reading().catch((error) => error), Interrupted, format)
    t.ok(entries.length > 1_000 && entries.length < formulas.length, 'in mid-file')
    t.notOk(entries.some((entry) => 'problem' in entry))
  }
})
