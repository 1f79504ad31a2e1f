import { randomUUID, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import pg from 'pg'
import passwordFile from 'pgpass'
import { reasonOf } from '../../kit/reason.ts'

/** The supported query parameters of a URL, named as in libpq. */
const PARAMETERS = [
  ...['host', 'port', 'dbname', 'user', 'password', 'application_name', 'options'],
  ...['sslmode', 'ssl', 'sslrootcert', 'sslcert', 'sslkey'],
] as const
type Parameters = { [N in (typeof PARAMETERS)[number]]?: string }

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']

/** The parts of a URL. Host and port may be lists here, to be refused with a message of their own. */
const URL_PARTS =
  /^postgres(?:ql)?:\/\/(?:(?<user>[^:/?#]*)(?::(?<password>[^/?#]*))?@)?(?<host>\[[^\]/?#]*\]|[^:/?#]*)(?<port>:[^/?#]*)?(?:\/(?<dbname>[^?#]*))?(?:\?(?<query>[^#]*))?$/is

/** A server as its URL and libpq's environment variables name it. */
export interface NamedServer {
  /** The URL without credentials: `postgres://host:port/database`. */
  place: string
  config: pg.ClientConfig
  /** Whether a server without encryption is accepted. */
  allowsPlaintext: boolean
}

/**
 * Reads a PostgreSQL URL as libpq does. What it leaves out comes from PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD or
 * a password file, PGSSLMODE, PGSSLROOTCERT, PGSSLCERT and PGSSLKEY.
 * @throws {Error} naming the wrong part without quoting it, since it may be a piece of a password
 */
export function readServerUrl(url: string, env: NodeJS.ProcessEnv = process.env): NamedServer {
  const given = partsOf(url)
  const { host = env.PGHOST, port = env.PGPORT, dbname = env.PGDATABASE } = given
  const { user = env.PGUSER, password = env.PGPASSWORD, application_name, options } = given
  if (host?.includes(',') || port?.includes(',')) throw new Error('names several hosts: only one is supported')
  if (port && !(/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) {
    throw new Error('must have a port from 1 to 65535')
  }
  const isSocket = host?.startsWith('/') === true
  const { ssl, allowsPlaintext } = isSocket ? { ssl: false, allowsPlaintext: false } : tlsOf(given, env)
  const config: pg.ClientConfig = {
    ...(host && { host }),
    ...(port && { port: Number(port) }),
    ...(dbname && { database: dbname }),
    ...(user && { user }),
    password: password || (() => passwordFromFile(server)),
    ...(application_name && { application_name }),
    ...(options && { options }),
    ssl,
  }
  const server = new pg.Client(config)
  const where = server.host.includes(':')
    ? `[${server.host}]`
    : encodeURIComponent(isSocket ? server.host : server.host.toLowerCase())
  return {
    place: `postgres://${where}:${server.port}/${encodeURIComponent(server.database ?? '')}`,
    config,
    allowsPlaintext,
  }
}

function partsOf(url: string): Parameters {
  if (/^\w+:\/\/$/.test(url)) {
    throw new Error('must name a server; write postgres:/// to use the one in PGHOST')
  }
  if (url.includes('#')) throw new Error('has a # in it: write it as %23')
  const parts = URL_PARTS.exec(url)?.groups
  // A second @ means that the password holds a slash or a question mark: its beginning was read as host and port.
  if (parts === undefined || parts.dbname?.includes('@') || (parts.user === undefined && parts.query?.includes('@'))) {
    throw new Error(
      'must be postgres://user:password@host:port/database; in user and password write / ? # @ : as %2F %3F %23 %40 %3A',
    )
  }
  const { user, password, port, dbname, query } = parts
  const host = parts.host?.replace(/^\[(.*)\]$/, '$1')
  const named = { user, password, host, port: port?.slice(1), dbname }
  const known: Parameters = {}
  for (const [name, value] of Object.entries(named)) if (value) Object.assign(known, { [name]: decoded(value) })
  return { ...known, ...parametersOf(query ?? '') }
}

function parametersOf(query: string): Parameters {
  const parameters: Parameters = {}
  for (const [index, pair] of query.split('&').filter(Boolean).entries()) {
    const [name = '', ...rest] = pair.split('=')
    if (name === 'uselibpqcompat') continue
    if (!PARAMETERS.some((known) => known === name)) {
      throw new Error(
        `has a parameter that is not supported, number ${index + 1} after the ?; supported are ${PARAMETERS.join(', ')}`,
      )
    }
    if (rest.length > 0) parameters[name as keyof Parameters] = decoded(rest.join('='))
  }
  return parameters
}

function decoded(part: string): string {
  let text: string
  try {
    text = decodeURIComponent(part)
  } catch {
    throw new Error('has a % that does not begin an encoded character: write it as %25')
  }
  if (text.includes('\0')) throw new Error('has a %00 in it')
  return text
}

/** Called when the server asks for a password. */
async function passwordFromFile({ user = '', host, port, database = user }: pg.Client): Promise<string> {
  const password = await new Promise<string | undefined>((found) => passwordFile({ user, host, port, database }, found))
  // Without a password pg would leave the connection open until a time-out; a wrong one makes the server close it.
  return password ?? randomUUID()
}

/**
 * The TLS options of connections, as in libpq, with two differences: the default is no encryption, and verify-full
 * without sslrootcert trusts the authorities of Node.
 * @throws {Error} saying what is wrong
 */
function tlsOf(
  given: Parameters,
  env: NodeJS.ProcessEnv,
): Pick<NamedServer, 'allowsPlaintext'> & Pick<pg.ClientConfig, 'ssl'> {
  const inUrl = given.sslmode ?? (given.ssl === 'true' ? 'require' : undefined)
  const root = given.sslrootcert ?? env.PGSSLROOTCERT
  const mode = inUrl ?? (env.PGSSLMODE || (root ? 'verify-full' : 'disable'))
  if (!SSL_MODES.includes(mode)) {
    throw new Error(`${inUrl === undefined ? 'PGSSLMODE' : 'sslmode'} must be one of ${SSL_MODES.join(', ')}`)
  }
  if (mode === 'disable') return { ssl: false, allowsPlaintext: false }
  if (root === 'system' && mode !== 'verify-full') throw new Error('with sslrootcert=system needs sslmode=verify-full')
  const trusted = {
    ca: root === 'system' ? undefined : contentsOf('sslrootcert', root),
    cert: contentsOf('sslcert', given.sslcert ?? env.PGSSLCERT),
    key: contentsOf('sslkey', given.sslkey ?? env.PGSSLKEY),
  }
  try {
    createSecureContext(trusted)
    // createSecureContext ignores authorities that it cannot parse.
    if (trusted.ca !== undefined) new X509Certificate(trusted.ca)
  } catch (error) {
    throw new Error(`has certificates that cannot be used: ${reasonOf(error)}`)
  }
  if (mode === 'verify-ca' && trusted.ca === undefined) {
    throw new Error('with sslmode=verify-ca needs sslrootcert, the certificates to trust; or say verify-full')
  }
  const allowsPlaintext = mode === 'allow' || mode === 'prefer'
  if (mode === 'verify-full') return { ssl: trusted, allowsPlaintext }
  if (trusted.ca === undefined) return { ssl: { ...trusted, rejectUnauthorized: false }, allowsPlaintext }
  // Below verify-full, a certificate that these authorities signed is accepted for any host name.
  return { ssl: { ...trusted, checkServerIdentity: () => undefined }, allowsPlaintext }
}

function contentsOf(name: string, path: string | undefined): string | undefined {
  if (!path) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`cannot read ${name} ${path} (${(error as NodeJS.ErrnoException).code})`)
  }
}
