import { type ExecFileOptions, execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { readPage } from '../support/docs/pages.ts'
import { inherited } from '../support/inherited.ts'
import { formula, startService } from '../support/service-process.ts'

const ROOT = join(import.meta.dirname, '../..')
const NAME = 'fragrance-formula-intake-client'

const run = async (program: string, args: string[], options: ExecFileOptions = {}): Promise<string> => {
  const { stdout } = await promisify(execFile)(program, args, { cwd: project, env: inherited(), ...options })
  return String(stdout)
}

/** The versions of Node on the PATH from 20 on, with their programs: npm ci brings one, the system has another. */
function nodes(): Map<string, string> {
  const programs = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'node'))
  const versions = programs.filter(existsSync).map((node): [string, string] => {
    return [execFileSync(node, ['--version'], { encoding: 'utf8' }).trim(), node]
  })
  return new Map(versions.filter(([version]) => Number.parseInt(version.slice(1), 10) >= 20))
}

/** Every call of the client, on a service that knows nothing yet. */
const PROGRAM = `
  import assert from 'node:assert/strict'
  import { IntakeClient, IntakeError } from '${NAME}'
  const [, , url, number] = process.argv
  const client = new IntakeClient({ url })
  const name = 'Formula ' + number
  const formula = { name, materials: [{ name: 'Rose', concentration: number }] }
  const { formulas: [stored] } = await client.submit(formula)
  assert.deepEqual((await client.submit(formula)), { formulas: [stored], replayed: true })
  await assert.rejects(client.submit(formula, { key: 'k' + number }), IntakeError)
  assert.deepEqual(await client.get(stored.id), stored)
  for await (const first of client.list({ name })) assert.deepEqual(first, stored)
  const consumer = client.consume((event) => {
    console.log(event.name)
    consumer.stop()
  })
  await consumer.done`

/** The program that the page on the client gives piece by piece; what is added must be refused. */
const TYPED = [
  ...[...readPage('docs/client.md').matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code),
  'declare const process: { env: { API_KEY: string }; on(signal: string, run: () => void): void }',
  '// @ts-expect-error\nawait client.submit({ name: "A" })',
].join('\n')

const OPTIONS = { module: 'nodenext', target: 'es2022', lib: ['es2022', 'dom'], types: [], strict: true, noEmit: true }

const project = mkdtempSync(join(tmpdir(), 'client-'))
t.teardown(() => rmSync(project, { recursive: true }))
t.testdir()
const { url } = await startService(t, { DATABASE_URL: 'memory:' })

t.test('the package holds what runs, its types, a page and the licence, and installs without a network', async (t) => {
  const packed = await run('npm', ['pack', '--json', '--pack-destination', project], { cwd: join(ROOT, 'client') })
  const [{ filename, files }] = JSON.parse(packed.slice(packed.indexOf('[\n')))
  const modules = ['api', 'client', 'consumer', 'requests'].flatMap((name) => [`dist/${name}.d.ts`, `dist/${name}.js`])
  t.same(files.map(({ path }: { path: string }) => path).sort(), ['LICENSE', 'README.md', ...modules, 'package.json'])
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
  await run('npm', ['install', `./${filename}`, '--offline', '--no-audit', '--no-fund'])
  t.same(Object.keys(JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')).packages), [
    '',
    `node_modules/${NAME}`,
  ])
})

let number = 0
for (const [version, node] of nodes()) {
  t.test(`it works on Node ${version}`, async (t) => {
    writeFileSync(join(project, 'program.js'), PROGRAM)
    t.equal(await run(node, ['program.js', url, String(++number)]), `Formula ${number}\n`)
  })
}

t.test('its types are checked in a project that has no other types', async () => {
  writeFileSync(join(project, 'typed.ts'), TYPED)
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS, files: ['typed.ts'] }))
  await run(join(ROOT, 'node_modules/.bin/tsc'), [])
})

t.test('an example that is copied into a project of its own runs on the package', async (t) => {
  const example = readFileSync(join(ROOT, 'examples/submit.ts'), 'utf8')
  writeFileSync(join(project, 'submit.ts'), example.replace('../client/src/client.ts', NAME))
  writeFileSync(join(project, 'order.json'), JSON.stringify(formula(99)))
  const env = { ...inherited(), SERVICE_URL: url }
  t.match(JSON.parse(await run(process.execPath, ['submit.ts', 'order.json'], { env })), { added: [String] })
})
