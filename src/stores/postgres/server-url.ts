import { randomUUID, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import pg from 'pg'
import passwordFile from 'pgpass'
import { reasonOf } from '../../kit/reason.ts'

/** The supported query parameters of a URL, named as in libpq; `profile` is ours. */
const PARAMETERS = [
  ...['host', 'port', 'dbname', 'user', 'password', 'application_name', 'options', 'target_session_attrs'],
  ...['sslmode', 'ssl', 'sslrootcert', 'sslcert', 'sslkey', 'profile'],
] as const
type Parameters = { [N in (typeof PARAMETERS)[number]]?: string }

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']

/** The supported values of `target_session_attrs`. The others of libpq ask for servers that accept no writes. */
const SESSION_ATTRS = ['any', 'read-write', 'primary']

/** The parts of a URL. */
const URL_PARTS =
  /^postgres(?:ql)?:\/\/(?:(?<user>[^:/?#]*)(?::(?<password>[^/?#]*))?@)?(?<hosts>[^/?#]*)(?:\/(?<dbname>[^?#]*))?(?:\?(?<query>[^#]*))?$/is
/** One of the hosts of a URL, an IPv6 address in brackets. */
const HOST = /^(?:\[(?<ip>[^\]]*)\]|(?<name>[^:]*))(?::(?<port>.*))?$/s

/** One or more servers as a URL and libpq's environment variables name them. */
export interface NamedServers {
  /** The URL without credentials: `postgres://host:port,host:port/database`. */
  place: string
  /** One for each host, in the order of the URL. */
  configs: pg.ClientConfig[]
  /** Whether a server without encryption is accepted. */
  allowsPlaintext: boolean
  /** Whether a server has to be asked if it accepts writes. */
  mustBeWritable: boolean
  /** The profile `portable` leaves out what databases that only speak PostgreSQL's protocol often lack. */
  isPortable: boolean
}

/**
 * Reads a PostgreSQL URL as libpq does. What it leaves out comes from PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD or
 * a password file, PGSSLMODE, PGSSLROOTCERT, PGSSLCERT, PGSSLKEY and PGTARGETSESSIONATTRS.
 * @throws {Error} naming the wrong part without quoting it, since it may be a piece of a password
 */
export function readServerUrl(url: string, env: NodeJS.ProcessEnv = process.env): NamedServers {
  const given = partsOf(url)
  const { dbname = env.PGDATABASE, user = env.PGUSER, password = env.PGPASSWORD, application_name, options } = given
  const hosts = hostsOf(given, env)
  const attrs = given.target_session_attrs ?? (env.PGTARGETSESSIONATTRS || (hosts.length > 1 ? 'read-write' : 'any'))
  if (!SESSION_ATTRS.includes(attrs)) throw new Error(`needs a target_session_attrs of ${SESSION_ATTRS.join(', ')}`)
  if (given.profile !== undefined && given.profile !== 'portable') {
    throw new Error('has a profile that is not supported: the only one is portable')
  }
  const tls = hosts.every(isSocket) ? { ssl: false, allowsPlaintext: false } : tlsOf(given, env)
  const servers = hosts.map(({ host, port }) => {
    const config: pg.ClientConfig = {
      ...(host && { host }),
      ...(port && { port: Number(port) }),
      ...(dbname && { database: dbname }),
      ...(user && { user }),
      password: password || (() => passwordFromFile(server)),
      ...(application_name && { application_name }),
      ...(options && { options }),
      ssl: isSocket({ host }) ? false : tls.ssl,
    }
    const server = new pg.Client(config)
    return { config, server }
  })
  const places = servers.map(({ server }) => placeOf(server))
  const database = servers[0]?.server.database ?? ''
  return {
    place: `postgres://${places.join()}/${encodeURIComponent(database)}`,
    configs: servers.map(({ config }) => config),
    allowsPlaintext: tls.allowsPlaintext,
    mustBeWritable: attrs !== 'any',
    isPortable: given.profile === 'portable',
  }
}

/** @returns the hosts with their ports, as lists of libpq have them: one port for all, or one for each */
function hostsOf(
  given: Parameters,
  env: NodeJS.ProcessEnv,
): { host?: string | undefined; port?: string | undefined }[] {
  const { host = env.PGHOST, port = env.PGPORT } = given
  const [hosts, ports] = [host?.split(',') ?? [undefined], port?.split(',') ?? []]
  if (ports.some((port) => port && !(/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535))) {
    throw new Error('must have a port from 1 to 65535')
  }
  if (ports.length > 1 && ports.length !== hosts.length) throw new Error('must have one port, or one for each host')
  return hosts.map((host, index) => ({ host, port: ports.length > 1 ? ports[index] : ports[0] }))
}

const isSocket = ({ host }: { host?: string | undefined }): boolean => host?.startsWith('/') === true

function placeOf({ host, port }: pg.Client): string {
  if (host.includes(':')) return `[${host}]:${port}`
  return `${encodeURIComponent(isSocket({ host }) ? host : host.toLowerCase())}:${port}`
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
  const { user, password, dbname, query } = parts
  const hosts = (parts.hosts ?? '').split(',').map((host) => HOST.exec(host)?.groups ?? { name: host })
  const [names, ports] = [hosts.map(({ ip, name }) => ip ?? name), hosts.map(({ port = '' }) => port)]
  const named = { user, password, host: names.join(), port: ports.some(Boolean) ? ports.join() : undefined, dbname }
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
): Pick<NamedServers, 'allowsPlaintext'> & Pick<pg.ClientConfig, 'ssl'> {
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
