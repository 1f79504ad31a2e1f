import { globSync, readFileSync } from 'node:fs'
import pg from 'pg'
import { query } from './server.ts'

const SOURCES = new URL('../../../src/stores/postgres/', import.meta.url)
/** The types of the arguments that our statements pass to functions and operators. */
const SCALARS = ['text', 'uuid', 'bytea', 'bigint', 'integer', 'smallint', 'boolean', 'numeric', 'json']
const TYPES = [...SCALARS, ...['text', 'uuid', 'bytea', 'bigint', 'integer', 'smallint'].map((type) => `${type}[]`)]
const COMPARISONS = ['=', '<>', '<', '>', '<=', '>=']
const ARITHMETIC = ['+', '-', '*', '||']

/** The types of up to two arguments, in every combination. */
const SIGNATURES = [[], ...TYPES.map((type) => [type]), ...TYPES.flatMap((left) => TYPES.map((right) => [left, right]))]

/** Leaves a trace even if the transaction is rolled back: sequences are not transactional. */
const body = (name: string): string =>
  `$$ BEGIN PERFORM pg_catalog.nextval('public.shadows_run'); RAISE EXCEPTION 'the shadow of ${name} ran'; END $$`

/** A user who may connect and make things in `public`, as everybody may in PostgreSQL 14. @returns the user's URL */
export async function createUser(user: string, url: string): Promise<string> {
  const [row] = await query(url, 'SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1', [user])
  const name = pg.escapeIdentifier(user)
  if (row === undefined) await query(url, `CREATE ROLE ${name} LOGIN PASSWORD ${pg.escapeLiteral(user)}`)
  await query(url, `GRANT USAGE, CREATE ON SCHEMA public TO ${name}`)
  return Object.assign(new URL(url), { username: user, password: user }).href
}

/**
 * Creates shadows of all functions and operators our statements may call, for every combination of argument types: a
 * call without an exact match in pg_catalog runs the shadow in `public` instead.
 */
export async function createShadows(url: string): Promise<void> {
  const mallory = await createUser('mallory', url)
  await query(mallory, 'CREATE SEQUENCE public.shadows_run; GRANT USAGE ON SEQUENCE public.shadows_run TO PUBLIC')
  const functions = await functionNames(url)
  const statements = [
    ...functions.flatMap((name) => SIGNATURES.map((types) => shadow(name, types, 'bigint'))),
    ...TYPES.flatMap((left) => TYPES.flatMap((right) => operators(left, right))),
  ]
  await query(mallory, statements.join(';\n'))
}

/** Whether a shadow has run since they were created. */
export async function hasShadowRun(url: string): Promise<boolean> {
  const [row] = await query<{ is_called: boolean }>(url, 'SELECT is_called FROM public.shadows_run')
  return row?.is_called === true
}

/** The names of PostgreSQL's functions that the sources call, or seem to. */
async function functionNames(url: string): Promise<string[]> {
  const sources = globSync('*.ts', { cwd: SOURCES }).map((file) => readFileSync(new URL(file, SOURCES), 'utf8'))
  const words = new Set([...sources.join('\n').matchAll(/\b([a-z_]+)\(/g)].map(([, word]) => word))
  const rows = await query<{ name: string }>(
    url,
    `SELECT DISTINCT proname::text AS name FROM pg_catalog.pg_proc
     WHERE pronamespace = 'pg_catalog'::regnamespace AND proname::text = ANY ($1::text[])`,
    [[...words]],
  )
  return rows.map(({ name }) => name)
}

const shadow = (name: string, types: string[], returned: string): string =>
  `CREATE FUNCTION public.${pg.escapeIdentifier(name)}(${types}) RETURNS ${returned} LANGUAGE plpgsql AS ${body(name)}`

function operators(left: string, right: string): string[] {
  const operator = (name: string, run: string): string =>
    `CREATE OPERATOR public.${name} (LEFTARG = ${left}, RIGHTARG = ${right}, FUNCTION = public.${run})`
  return [
    shadow('compared', [left, right], 'boolean'),
    shadow('computed', [left, right], left),
    ...COMPARISONS.map((name) => operator(name, 'compared')),
    ...ARITHMETIC.map((name) => operator(name, 'computed')),
  ]
}
