import { globSync, readFileSync } from 'node:fs'
import t from 'tap'
import { DEFAULT, lease, receiptsOf } from '../contract/leasing.ts'
import { formula, submission } from '../contract/submissions.ts'
import { openEngine } from '../support/postgres/engines.ts'
import { query, startPostgres } from '../support/postgres/server.ts'
import { createShadows, createUser, hasShadowRun } from '../support/postgres/shadows.ts'

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())

const SOURCES = new URL('../../src/stores/postgres/', import.meta.url)
/** Not looked up by name: the grammar knows them. */
const GRAMMAR = ['coalesce', 'extract', 'greatest', 'least']

t.test('built-in functions are called with their schema, except in functions that set search_path', (t) => {
  for (const file of globSync('*.ts', { cwd: SOURCES, exclude: ['*functions.ts'] })) {
    const code = readFileSync(new URL(file, SOURCES), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|^ *\/\/.*$/gm, '')
    const texts = [...code.matchAll(/`[^`]*`|'[^'\n]*'/g)].map(([text]) => text.replaceAll(/\$\{[^}]*\}/g, ''))
    const bare = texts.flatMap((text) => [...text.matchAll(/(?<![.\w])([a-z_]\w*)\(([^()]*,)?/g)])
    // The grammar knows `unnest` of several arrays as well, and only by its bare name.
    const called = bare.filter(([, name = '', many]) => !GRAMMAR.includes(name) && !(name === 'unnest' && many))
    t.same(
      called.map(([text]) => text),
      [],
      file,
    )
  }
  t.end()
})

t.test('every function of ours has pg_catalog as its search_path', async (t) => {
  const url = await server.createDatabase()
  await openEngine(t, url)
  const rows = await query<{ name: string; settings: string[] }>(
    url,
    `SELECT proname AS name, proconfig AS settings FROM pg_proc WHERE pronamespace = 'formula_intake'::regnamespace`,
  )
  t.ok(rows.length > 0)
  for (const { name, settings } of rows) t.match(settings, ['search_path=pg_catalog, pg_temp'], name)
})

t.test('a user who may create functions gains no rights of the service by them', async (t) => {
  const url = await server.createDatabase()
  const mallory = await createUser('mallory', url)
  const { intake, queue } = await openEngine(t, url, { maxReceives: 1 })
  for (const [name, type, returned] of [
    ['cardinality', 'uuid[]', 'integer'],
    ['unnest', 'text[]', 'SETOF text'],
  ]) {
    const call = returned?.startsWith('SETOF') ? 'RETURN QUERY SELECT' : 'RETURN'
    await query(
      mallory,
      `CREATE FUNCTION public.${name}(${type}) RETURNS ${returned} LANGUAGE plpgsql AS $$ BEGIN
        EXECUTE 'GRANT USAGE ON SCHEMA formula_intake TO mallory';
        EXECUTE 'GRANT SELECT ON ALL TABLES IN SCHEMA formula_intake TO mallory';
        ${call} pg_catalog.${name}($1);
      END $$`,
    )
  }
  t.match(await intake?.accept(submission([formula('a')])), { answer: { status: 200 } })
  await queue.nack(receiptsOf(await lease(queue)), 0)
  t.equal(await queue.redrive(DEFAULT, [formula('a').id]), 1)
  await t.rejects(query(mallory, 'SELECT * FROM formula_intake.formulas'), { code: '42501' })
})

t.test('as a control, an unqualified call and an inexact operator match do run a shadow', async (t) => {
  const url = await server.createDatabase()
  await createShadows(url)
  t.notOk(await hasShadowRun(url))
  for (const expression of ["unnest(ARRAY['a'])", "'{a}'::text[] = '{a}'::text[]", '1.5 * 1::integer']) {
    await t.rejects(query(url, `SELECT ${expression}`), /the shadow of \w+ ran/, expression)
  }
  t.ok(await hasShadowRun(url))
})
