import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { ClientConfig } from 'pg'
import { reasonOf } from '../../kit/reason.ts'

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']

/** What a URL says of encryption. */
interface TlsParameters {
  sslmode?: string
  ssl?: string
  sslrootcert?: string
  sslcert?: string
  sslkey?: string
}

/**
 * How connections are encrypted, and whom they trust, as libpq has it. Two things differ: nothing is encrypted unless
 * asked for, and where no certificate is named, verify-full goes by the authorities that Node knows.
 * @throws {Error} saying what is wrong
 */
export function tlsOf(
  given: TlsParameters,
  env: NodeJS.ProcessEnv,
): Pick<ClientConfig, 'ssl'> & { mayBePlain: boolean } {
  const inUrl = given.sslmode ?? (given.ssl === 'true' ? 'require' : undefined)
  const root = given.sslrootcert ?? env.PGSSLROOTCERT
  const mode = inUrl ?? (env.PGSSLMODE || (root ? 'verify-full' : 'disable'))
  if (!SSL_MODES.includes(mode)) {
    throw new Error(`${inUrl === undefined ? 'PGSSLMODE' : 'sslmode'} must be one of ${SSL_MODES.join(', ')}`)
  }
  if (mode === 'disable') return { ssl: false, mayBePlain: false }
  if (root === 'system' && mode !== 'verify-full') throw new Error('with sslrootcert=system needs sslmode=verify-full')
  const trusted = {
    ca: root === 'system' ? undefined : contentsOf('sslrootcert', root),
    cert: contentsOf('sslcert', given.sslcert ?? env.PGSSLCERT),
    key: contentsOf('sslkey', given.sslkey ?? env.PGSSLKEY),
  }
  checkCertificates(trusted)
  if (mode === 'verify-ca' && trusted.ca === undefined) {
    throw new Error('with sslmode=verify-ca needs sslrootcert, the certificates to trust; or say verify-full')
  }
  const mayBePlain = mode === 'allow' || mode === 'prefer'
  if (mode === 'verify-full') return { ssl: trusted, mayBePlain }
  if (trusted.ca === undefined) return { ssl: { ...trusted, rejectUnauthorized: false }, mayBePlain }
  // Certificates to trust are believed in whatever name they certify.
  return { ssl: { ...trusted, checkServerIdentity: () => undefined }, mayBePlain }
}

function contentsOf(name: string, path: string | undefined): string | undefined {
  if (!path) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`cannot read ${name} ${path} (${(error as NodeJS.ErrnoException).code})`)
  }
}

function checkCertificates(trusted: {
  ca?: string | undefined
  cert?: string | undefined
  key?: string | undefined
}): void {
  try {
    createSecureContext(trusted)
    // Authorities are read only as far as they can be.
    if (trusted.ca !== undefined) new X509Certificate(trusted.ca)
  } catch (error) {
    throw new Error(`has certificates that cannot be used: ${reasonOf(error)}`)
  }
}
