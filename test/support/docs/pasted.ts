import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { inherited } from '../inherited.ts'
import { readPage, root } from './pages.ts'

/** A script of a page, and what stands below it as its output, if anything does. */
interface Example {
  script: string
  output: string | undefined
}

const HERE = '127.0.0.1:3000'
/** Between the outputs of two scripts. */
const MARK = '----- next -----'
/** The files of the project in which commands run. */
const PROJECT = ['package.json', 'node_modules', 'src', 'plugins', 'routes', 'examples', 'client']

/** The scripts of a page in order, except those that install the project: it is already installed. */
function examplesOf(page: string): Example[] {
  const blocks = readPage(page).matchAll(
    /^ *```sh\n(?<script>[^`]+)^ *```\n(?:\n *```text\n(?<output>[^`]+)^ *```\n)?/gm,
  )
  return [...blocks].map(({ groups }) => groups as unknown as Example).filter(({ script }) => !/npm ci/.test(script))
}

/** Normalises what differs between runs. */
const generalised = (output: string): string =>
  output
    .replaceAll('\r', '')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]{12}Z/g, '<time>')
    .replace(/^date: .*$/gim, 'Date: <time>')
    .replace(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g, '<uuid>')
    .replace(/"receipt":"[\w-]+"/g, '"receipt":"<receipt>"')
    .replace(/"oldestReadyAgeSeconds":[\d.]+/, '"oldestReadyAgeSeconds":<age>')
    .replace(/\bffi_[\w-]{43}/g, '<key>')
    .trim()

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}

/**
 * Pastes the scripts of a page one by one into one shell, in a folder with the project, and compares their output with
 * that on the page.
 * @param port where the service listens, or will when a script starts it, instead of at 3000
 * @param before what the shell is given first
 */
export async function pasted(t: Test, page: string, port: number, before = ''): Promise<void> {
  const project = Object.fromEntries(PROJECT.map((name) => [name, t.fixture('symlink', join(root, name))]))
  const cwd = t.testdir(project)
  const examples = examplesOf(page)
  const outputs = readPage(page).match(/```text/g)?.length ?? 0
  t.equal(examples.filter(({ output }) => output !== undefined).length, outputs, 'each output belongs to a script')

  const here = `127.0.0.1:${port}`
  const script = [before, ...examples.map(({ script }) => script)].join(`\nprintf '\\n%s\\n' '${MARK}'\n`)
  const env = { ...inherited(), HOME: cwd, PORT: String(port), SERVICE_URL: `http://${here}` }
  const output = openSync(join(cwd, 'pasted.log'), 'w')
  // In its own process group, to end everything that scripts have left running.
  const shell = spawn('bash', ['-c', script.replaceAll(HERE, here)], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', output, 'ignore'],
  })
  t.teardown(() => endGroup(shell.pid as number))
  closeSync(output)
  await once(shell, 'exit')
  const [, ...said] = readFileSync(join(cwd, 'pasted.log'), 'utf8').replaceAll(here, HERE).split(MARK)
  for (const [at, { script, output }] of examples.entries()) {
    if (output !== undefined) t.equal(generalised(said[at] ?? ''), generalised(output), script)
  }
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch (error) {
    // All of it may have ended by itself.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
