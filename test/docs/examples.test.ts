import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { test } from 'tap'
import { startService } from '../process/service-process.ts'
import { readPage } from './pages.ts'

interface Example {
  title: string
  script: string
  answer: string
}

/** The scripts of the README that are followed by what they print. */
function examples(): Example[] {
  const blocks = readPage('README.md').matchAll(
    /^### (?<title>.+)\n(?:(?!^###).*\n)*?```sh\n(?<script>[^`]+)```\n\n```text\n(?<answer>[^`]+)```/gm,
  )
  return [...blocks].map(({ groups }) => groups as unknown as Example)
}

/** What differs from one run to the next, made alike. */
const generalised = (answer: string): string =>
  answer
    .replaceAll('\r', '')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]{12}Z/g, '<time>')
    .replace(/^date: .*$/gim, 'Date: <time>')
    .replace(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g, '<uuid>')
    .replace(/"receipt":"[\w-]+"/g, '"receipt":"<receipt>"')
    .trim()

const missing = ['bash', 'curl'].filter((program) => spawnSync(program, ['--version']).error)

test("README's examples, pasted in their order on a fresh store, print what stands below them", {
  skip: missing.length > 0 && `needs ${missing.join(' and ')}`,
}, async (t) => {
  t.testdir()
  const { url } = await startService(t, {})
  const all = examples()
  t.equal(all.length, readPage('README.md').match(/```text/g)?.length, 'each answer belongs to an example')
  t.ok(all.length >= 6)
  for (const { title, script, answer } of all) {
    const { stdout } = await promisify(execFile)('bash', ['-c', script.replaceAll('http://127.0.0.1:3000', url)])
    t.equal(generalised(stdout), generalised(answer), title)
  }
})
