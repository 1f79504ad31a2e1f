import { randomUUID } from 'node:crypto'
import pg from 'pg'
import passwordFile from 'pgpass'
import { tlsOf } from './tls.ts'

/** What a URL may say behind its `?`; the names are libpq's. */
const PARAMETERS = [
  ...['host', 'port', 'dbname', 'user', 'password', 'application_name', 'options'],
  ...['sslmode', 'ssl', 'sslrootcert', 'sslcert', 'sslkey'],
] as const
type Parameters = { [N in (typeof PARAMETERS)[number]]?: string }

/** The parts of a URL. Host and port may be lists as far as this goes. */
const URL_PARTS =
  /^postgres(?:ql)?:\/\/(?:(?<user>[^:/?#]*)(?::(?<password>[^/?#]*))?@)?(?<host>\[[^\]/?#]*\]|[^:/?#]*)(?<port>:[^/?#]*)?(?:\/(?<dbname>[^?#]*))?(?:\?(?<query>[^#]*))?$/is

/** A server as its URL and libpq's environment variables name it. */
export interface NamedServer {
  /** Where it is, without who goes there: `postgres://host:port/database`. */
  place: string
  config: pg.ClientConfig
  /** Whether a server that does not encrypt will do. */
  mayBePlain: boolean
}

/**
 * Reads a URL of PostgreSQL as libpq does. What it leaves out comes from PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD
 * or a password file, PGSSLMODE and what goes with it.
 * @throws {Error} saying which part is wrong; it never shows one, since a part may be a piece of a password
 */
export function readServerUrl(url: string, env: NodeJS.ProcessEnv = process.env): NamedServer {
  if (/^\w+:\/\/$/.test(url))
    throw new Error('must name a server, or have a third slash where PGHOST does: postgres:///')
  const given = partsOf(url)
  const { host = env.PGHOST, port = env.PGPORT, dbname = env.PGDATABASE, ...more } = given
  const { user = env.PGUSER, password = env.PGPASSWORD } = given
  if (host?.includes(',') || port?.includes(',')) throw new Error('names several hosts: only one is supported')
  if (port && !(/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) {
    throw new Error('must have a port from 1 to 65535')
  }
  const isSocket = host?.startsWith('/') === true
  const { ssl, mayBePlain } = isSocket ? { ssl: false, mayBePlain: false } : tlsOf(more, env)
  const config: pg.ClientConfig = {
    ...(host && { host }),
    ...(port && { port: Number(port) }),
    ...(dbname && { database: dbname }),
    ...(user && { user }),
    password: password || (() => passwordFromFile(config)),
    ...(more.application_name && { application_name: more.application_name }),
    ...(more.options && { options: more.options }),
    ssl,
  }
  const { host: at, port: on, database } = new pg.Client(config)
  const where = at.includes(':') ? `[${at}]` : encodeURIComponent(isSocket ? at : at.toLowerCase())
  return { place: `postgres://${where}:${on}/${encodeURIComponent(database ?? '')}`, config, mayBePlain }
}

function partsOf(url: string): Parameters {
  if (url.includes('#')) throw new Error('has a # in it: write it as %23')
  const parts = URL_PARTS.exec(url)?.groups
  // Another @ is that of a password with a slash or a question mark: what stands before it was read as host and port.
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
        `has a parameter that is not supported, number ${index + 1} behind the ?; known are ${PARAMETERS.join(', ')}`,
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
    throw new Error('has a % that begins no encoded character: write it as %25')
  }
  if (text.includes('\0')) throw new Error('has a %00 in it')
  return text
}

/** Asked for when the server wants a password. */
async function passwordFromFile(config: pg.ClientConfig): Promise<string> {
  const { user = '', host, port, database } = new pg.Client({ ...config, password: 'unknown' })
  const password = await new Promise<string | undefined>((found) =>
    passwordFile({ user, host, port, database: database ?? user }, found),
  )
  // An error here would leave the connection open until the server gives it up; its own refusal ends it.
  return password ?? randomUUID()
}
