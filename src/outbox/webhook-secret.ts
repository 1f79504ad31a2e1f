import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { ConfigError } from '../config/config.ts'

/** Standard Webhooks ask for keys of 24 to 64 bytes. */
const SECRET = /^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/

/**
 * Reads the secret of a webhook from a JSON file of secrets by subscription.
 * @throws {ConfigError} with one line that quotes nothing of the file
 */
export function readWebhookSecret(subscription: string, path: string | null): string {
  if (path === null) throw new ConfigError([`WEBHOOK_SECRETS_FILE: must be set for the webhook #${subscription}`])
  const secret = readSecrets(path)[subscription]
  if (secret === undefined) throw refused(path, `has no secret for the subscription ${subscription}`)
  if (typeof secret === 'string' && SECRET.test(secret)) return secret
  throw refused(path, `the secret of ${subscription} must be whsec_ and 24 to 64 bytes in base64`)
}

function readSecrets(path: string): Record<string, unknown> {
  let text: string
  try {
    text = readPrivateFile(path)
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw refused(path, `cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
  try {
    const secrets: unknown = JSON.parse(text)
    if (typeof secrets === 'object' && secrets !== null) return { __proto__: null, ...secrets }
  } catch {
    // The parser's message would quote the file.
  }
  throw refused(path, 'must be a JSON object of secrets by subscription')
}

function readPrivateFile(path: string): string {
  const file = openSync(path, 'r')
  try {
    const isOpen = process.platform !== 'win32' && (fstatSync(file).mode & 0o026) !== 0
    if (isOpen) throw refused(path, 'others can read or change it; chmod o-r,go-w')
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

const refused = (path: string, problem: string): ConfigError =>
  new ConfigError([`WEBHOOK_SECRETS_FILE ${path}: ${problem}`])
