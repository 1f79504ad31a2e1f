import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { migrations as postgresMigrations } from '../../src/stores/postgres/schema.ts'
import { migrations as sqliteMigrations } from '../../src/stores/sqlite/schema.ts'
import { start } from '../support/command.ts'
import { pages, readPage, root } from '../support/docs/pages.ts'

const { scripts, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
  version: string
}
/** `npm start` and `npm test` need no `run`. */
const NPM = /npm (?:(?:-s|--silent) )?(?:run (?:(?:-s|--silent) )?([a-z][\w:-]*)|(start|test)\b)/g

test('every command that a page names exists', async (t) => {
  for (const page of pages) {
    const text = readPage(page)
    const named = [...text.matchAll(NPM)].map(([, run, short]) => run ?? short ?? '')
    t.same(
      named.filter((name) => !Object.hasOwn(scripts, name)),
      [],
      page,
    )
    for (const [, path = ''] of text.matchAll(/node (?:--\S+ )*((?:src|examples|test|bench)\/\S+?\.ts)/g)) {
      t.ok(existsSync(join(root, path)), `${page}: ${path}`)
    }
  }
})

test('every npm script is named on some page', async (t) => {
  const named = new Set(
    pages.flatMap((page) => [...readPage(page).matchAll(NPM)].map(([, run, short]) => run ?? short)),
  )
  for (const name of Object.keys(scripts)) t.ok(named.has(name), name)
})

test('every command says how it is used when it is asked, and ends with 0', async (t) => {
  t.testdir()
  for (const name of ['keys', 'migrate:store', 'backup', 'import', 'export', 'erase']) {
    const program = scripts[name]?.replace('node ', '') ?? ''
    const { code, stdout, stderr } = await start(t, program, ['--help']).ended
    t.match({ code, stderr }, { code: 0, stderr: [] }, name)
    t.match(stdout.join('\n'), new RegExp(`npm run (--silent )?${name} -- `))
  }
})

test('the unit for systemd starts what npm start does', async (t) => {
  t.match(readPage('docs/how-to/deploy.md'), new RegExp(`^ *ExecStart=/usr/bin/${scripts.start}$`, 'm'))
})

test('the image starts what npm start does', async (t) => {
  const [, command = ''] = /^CMD (\[.+\])$/m.exec(readPage('Dockerfile')) ?? []
  t.same(JSON.parse(command).join(' '), scripts.start)
})

test('the changelog has the version of package.json on top, below what is not released', async (t) => {
  const headings = readPage('CHANGELOG.md').match(/^## .+/gm) ?? []
  const [unreleased, latest] = headings.map((heading) => /\[(.+?)\]/.exec(heading)?.[1])
  t.ok(latest === version || unreleased === version, headings.join(', '))
})

test('every place that names the version names that of package.json', async (t) => {
  const lock = JSON.parse(readPage('package-lock.json'))
  const places = {
    lock: lock.version,
    'root of lock': lock.packages[''].version,
    client: JSON.parse(readPage('client/package.json')).version,
    tarball: /client-([\d.]+)\.tgz/.exec(readPage('docs/client.md'))?.[1],
    ...Object.fromEntries(
      ['sqlite', 'postgresql'].map((overlay) => [
        overlay,
        /newTag: (.+)/.exec(readPage(`deploy/kubernetes/${overlay}/kustomization.yaml`))?.[1],
      ]),
    ),
  }
  for (const [place, named] of Object.entries(places)) t.equal(named, version, place)
})

test('the changelog says which schema its latest version has', async (t) => {
  const [, sqlite, postgres] = /Schema: SQLite (\d+), PostgreSQL (\d+)\./.exec(readPage('CHANGELOG.md')) ?? []
  t.same([sqlite, postgres].map(Number), [sqliteMigrations.length, postgresMigrations.length])
})
