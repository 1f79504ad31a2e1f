import { execFileSync } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { DEFAULT } from '../contract/leasing.ts'
import { accountOf } from '../support/postgres/binaries.ts'
import { openEngine } from '../support/postgres/engines.ts'
import { query, startPostgres } from '../support/postgres/server.ts'

const isExternal = Boolean(process.env.TEST_DATABASE_URL)
const skip = isExternal && 'TEST_DATABASE_URL names a server that is not ours'

/** A certificate for another host than the tests connect to, which certifies itself. */
function selfSigned(): { certificate: string; key: string } {
  const folder = mkdtempSync(join(tmpdir(), 'formula-certificate-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const [certificate, key] = [join(folder, 'server.crt'), join(folder, 'server.key')]
  const subject = ['-subj', '/CN=db.example', '-addext', 'subjectAltName=DNS:db.example']
  const files = [
    '-nodes',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-keyout',
    key,
    '-out',
    certificate,
  ]
  execFileSync('openssl', ['req', '-x509', '-days', '2', ...subject, ...files], { stdio: 'ignore' })
  const { uid, gid } = accountOf()
  if (uid !== undefined && gid !== undefined) for (const path of [folder, certificate, key]) chownSync(path, uid, gid)
  return { certificate, key }
}

const ENCRYPTED =
  'SELECT count(*)::int AS count FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND datname = current_database()'

t.test('a server with a self-signed certificate is encrypted and verified as sslmode says', { skip }, async (t) => {
  const { certificate, key } = selfSigned()
  const server = await startPostgres({
    durable: false,
    settings: { ssl: 'on', ssl_cert_file: certificate, ssl_key_file: key },
  })
  t.teardown(() => server.stop())
  const warnings: Error[] = []
  process.on('warning', (warning) => warnings.push(warning))

  /** How many connections are encrypted, when the service is open. */
  const opened = async (parameters: string): Promise<number | undefined> => {
    const url = await server.createDatabase()
    await openEngine(t, url + parameters)
    const [row] = await query<{ count: number }>(url, ENCRYPTED)
    return row?.count
  }

  for (const parameters of ['', '?sslmode=disable']) t.equal(await opened(parameters), 0, parameters)
  for (const parameters of ['?sslmode=allow', '?sslmode=prefer', '?sslmode=require']) {
    t.equal(await opened(parameters), 1, parameters)
  }
  for (const mode of ['require', 'verify-ca']) {
    t.equal(await opened(`?sslmode=${mode}&sslrootcert=${certificate}`), 1, 'whatever host it is for')
  }
  await t.rejects(opened('?sslmode=verify-full'), { message: /self-signed certificate/ })
  await t.rejects(opened(`?sslmode=verify-full&sslrootcert=${certificate}`), { message: /altnames/ })
  t.same(warnings, [])
})

t.test('a server without TLS is used for sslmode allow and prefer, and refused for require', { skip }, async (t) => {
  const server = await startPostgres({ durable: false })
  t.teardown(() => server.stop())
  for (const mode of ['allow', 'prefer']) {
    const { queue } = await openEngine(t, `${await server.createDatabase()}?sslmode=${mode}`)
    t.match(await queue.stats(DEFAULT), { ready: 0 })
  }
  const url = `${await server.createDatabase()}?sslmode=require`
  await t.rejects(openEngine(t, url), { message: /does not support SSL/ })
})
