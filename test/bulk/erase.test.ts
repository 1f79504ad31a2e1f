import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { formula, startListening } from '../support/http/service.ts'
import { runErase, runImport } from '../support/run-bulk.ts'
import { scriptedService } from '../support/scripted-service.ts'
import { call, post } from '../support/service-process.ts'

interface Formulas {
  formulas: { id: string }[]
}

const UNKNOWN = 'f'.repeat(64)

test('formulas are erased by ids in arguments and in a file, each once', async (t) => {
  const { url } = await startListening(t)
  const list = [1, 2, 3, 4].map((number) => formula(number))
  const { formulas } = (await (await post(url, 'k', list)).json()) as Formulas
  const [a, b, c, d] = formulas.map(({ id }) => id) as [string, string, string, string]
  const file = join(t.testdir(), 'ids.txt')
  writeFileSync(file, `${b}\r\n\n  ${c}\n${a}`)
  const { code, stdout } = await runErase(url, [a, '--file', file])
  t.same([code, stdout], [0, ['3 erased, 0 not there']])
  const left = await call<Formulas>(url, '/formulas')
  t.same(
    left.formulas.map(({ id }) => id),
    [d],
  )
  const again = await runErase(url, [a, d, UNKNOWN])
  t.same([again.code, again.stdout], [2, ['1 erased, 2 not there']])
})

test('nothing is erased when an id or an option is wrong', async (t) => {
  const { url } = await startListening(t)
  const { formulas } = (await (await post(url, 'k', formula(1))).json()) as Formulas
  const id = formulas[0]?.id ?? ''
  for (const [args, message] of [
    [[], 'Name the ids of the formulas to erase, or a --file of them'],
    [[id, 'Rose'], 'This is not the id of a formula: Rose'],
    [['--file', '/nowhere'], /^The file of ids cannot be read: /],
    [[id, '--all'], /--all/],
  ] as [string[], string | RegExp][]) {
    t.match(await runErase(url, args), { code: 1, stdout: [], stderr: [message] })
  }
  t.match(await call(url, `/formulas/${id}`), { id })
})

test('an erasure that went on by itself after a 503 counts as erased', async (t) => {
  const answers = [503, 404, 404]
  const { url } = await scriptedService(t, () => {
    const status = answers.shift() ?? 500
    return { status, body: { code: status === 404 ? 'FORMULA_NOT_FOUND' : 'STORE_UNAVAILABLE', message: '' } }
  })
  const { code, stdout } = await runErase(url.href, [UNKNOWN, 'e'.repeat(64)])
  t.same([code, stdout], [2, ['1 erased, 1 not there']])
})

test('what was turned away unread erased nothing: an id that is not there is not there', async (t) => {
  const answers = [
    { status: 503, body: { code: 'SERVICE_OVERLOADED', message: '' } },
    { status: 503, body: { code: 'SERVICE_STOPPING', message: '' } },
    { status: 429, body: {} },
  ]
  const { url } = await scriptedService(t, () => {
    return answers.shift() ?? { status: 404, body: { code: 'FORMULA_NOT_FOUND', message: '' } }
  })
  const { code, stdout } = await runErase(url.href, [UNKNOWN])
  t.same([code, stdout], [2, ['0 erased, 1 not there']])
})

test('a file is imported again after an erasure: what was appended is stored, and what was erased is not added again', async (t) => {
  const { url } = await startListening(t)
  const file = join(t.testdir(), 'a.ndjson')
  const write = (count: number) => {
    const rows = Array.from({ length: count }, (_, index) => JSON.stringify(formula(index + 1)))
    writeFileSync(file, rows.join('\n'))
  }
  write(150)
  t.match(await runImport(url, [file, '--concurrency', '1']), { code: 0 })
  const { formulas } = await call<Formulas>(url, '/formulas?limit=200')
  const id = formulas.at(-1)?.id ?? ''
  t.match(await runErase(url, [id]), { code: 0 })
  write(170)
  const { code, stdout } = await runImport(url, [file, '--concurrency', '1'])
  t.equal(code, 2)
  t.match(
    stdout[0],
    /^line 1: A formula of this answer has been erased\. An earlier run sent these formulas in one list/,
  )
  t.equal(stdout.at(-1), '20 added, 50 known already, 100 refused')
  const stored = (await call<Formulas>(url, '/formulas?limit=200')).formulas
  t.equal(stored.length, 169)
  t.notOk(stored.some((one) => one.id === id))
})
