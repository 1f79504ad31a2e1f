import { join } from 'node:path'
import type { Test } from 'tap'
import type { AppOptions } from '../../../src/app.ts'
import { newKey } from '../new-key.ts'
import { type Client, type Service, startService } from './service.ts'

/** A service that asks for keys, with a client for each scope; clients are named after theirs. */
export interface GuardedService extends Service {
  path: string
  secrets: Record<'submit' | 'read' | 'consume' | 'admin', string>
  submitter: Client
  reader: Client
  consumer: Client
  admin: Client
}

/** Starts a service on a file of four keys. */
export async function startGuarded(
  t: Test,
  env: NodeJS.ProcessEnv = {},
  options: AppOptions = {},
): Promise<GuardedService> {
  const path = join(t.testdir(), 'keys.json')
  const [submit, read, consume, admin] = ['submit', 'read', 'consume', 'admin'].map((scope) =>
    newKey(path, scope, scope),
  ) as [string, string, string, string]
  const service = await startService(t, { API_KEYS_FILE: path, ...env }, options)
  const { as } = service
  const clients = { submitter: as(submit), reader: as(read), consumer: as(consume), admin: as(admin) }
  return { ...service, ...clients, path, secrets: { submit, read, consume, admin } }
}
