import { globSync, readFileSync } from 'node:fs'
import t from 'tap'
import { DEFAULT, lease, receiptsOf } from '../contract/leasing.ts'
import { formula, submission } from '../contract/submissions.ts'
import { openEngine } from '../support/postgres/engines.ts'
import { query, startPostgres } from '../support/postgres/server.ts'
import { castShadows, hasShadowRun, letIn } from '../support/postgres/shadows.ts'

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())

const SOURCES = new URL('../../src/stores/postgres/', import.meta.url)
/** Not looked up by name: the grammar knows them. */
const GRAMMAR = ['coalesce', 'extract', 'greatest', 'least']

t.test('a built-in function is called with its schema, but in functions that say where names are looked up', (t) => {
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

t.test('every function of ours looks names up in pg_catalog alone', async (t) => {
  const url = await server.createDatabase()
  await openEngine(t, url)
  const rows = await query<{ name: string; settings: string[] }>(
    url,
    `SELECT proname AS name, proconfig AS settings FROM pg_proc WHERE pronamespace = 'formula_intake'::regnamespace`,
  )
  t.ok(rows.length > 0)
  for (const { name, settings } of rows) t.match(settings, ['search_path=pg_catalog, pg_temp'], name)
})

t.test('who may make functions in the database gets no rights of the service by them', async (t) => {
  const url = await server.createDatabase()
  const mallory = await letIn('mallory', url)
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

t.test('a call by a bare name runs a shadow, and so does an operator that is no exact match', async (t) => {
  const url = await server.createDatabase()
  await castShadows(url)
  t.notOk(await hasShadowRun(url))
  for (const expression of ["unnest(ARRAY['a'])", "'{a}'::text[] = '{a}'::text[]", '1.5 * 1::integer']) {
    await t.rejects(query(url, `SELECT ${expression}`), /the shadow of \w+ ran/, expression)
  }
  t.ok(await hasShadowRun(url))
})
