import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { readPage, root, table } from '../support/docs/pages.ts'

/** A call that logs a text of its own, up to where a template is filled in. What it logs may hold calls, not texts. */
const LOGGING = /\blog\.(info|warn|error|fatal)\((?:[^'`()]|\([^()]*\))*(?:'([^']+)'|`([^`$]+))/gi

const sources = globSync('{src,plugins,routes}/**/*.ts', { cwd: root }).map((path) =>
  readFileSync(join(root, path), 'utf8'),
)
const logged = sources.flatMap((text) =>
  [...text.matchAll(LOGGING)].map(([, level = '', plain, filled]) => ({ level, text: plain ?? filled ?? '' })),
)

test('every line that the service logs stands in operations or forwarding, at its level', async (t) => {
  t.ok(logged.length > 15)
  const rows = table('docs/operations.md', ['Message', 'Level', 'Meaning'])
  for (const { level, text } of logged) {
    const row = rows.find(([message = '']) => message.includes(text))
    if (row === undefined) t.ok(readPage('docs/forwarding.md').includes(text.split(';', 1)[0] ?? text), text)
    else t.match(row[1], level, text)
  }
})

test('operations tells of no line that the service does not log, and in one table', async (t) => {
  const heads = readPage('docs/operations.md')
    .split('\n')
    .filter((line) => line.startsWith('| Message'))
  t.equal(heads.length, 1)
  const all = sources.join()
  for (const [messages = ''] of table('docs/operations.md', ['Message', 'Level', 'Meaning'])) {
    for (const message of messages.split(/, (?=A )/)) t.ok(all.includes(message.split('…', 1)[0] as string), message)
  }
})
