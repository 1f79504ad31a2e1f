import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import type { QueueStats } from '../../src/stores/ports.ts'
import { drainIn } from '../contract/leasing.ts'
import { startService as startInProcess } from './http/service.ts'
import { call, formula, post, startService } from './service-process.ts'
import { environment, startSqs, until } from './sqs.ts'
import { until as patiently } from './until.ts'
import { startWebhook } from './webhook.ts'

/** A receiver beside SQS and a webhook. */
interface OtherReceiver {
  /** With the subscription. */
  url: string
  /** Formula ids of what it has taken. */
  taken(): Promise<string[]>
}

interface Surroundings {
  others?: OtherReceiver[]
  /** Default: an SQLite file. */
  databaseUrl?: string
  /** Harms what is around the service; done once, in the midst of submissions. */
  harm?(): Promise<unknown>
}

/** Subscriptions that consumers read. */
const READ = ['default', 'audit']

/** Kills a service with -9 while it forwards, twice, and checks that every event reaches every sink and consumer. */
export async function killWhileForwarding(
  t: Test,
  { others = [], databaseUrl, harm = async () => {} }: Surroundings = {},
): Promise<void> {
  const sqs = await startSqs(t)
  const webhook = await startWebhook(t)
  const env = {
    ...environment(sqs),
    DATABASE_URL: databaseUrl ?? `sqlite:${join(dirname(webhook.secretsFile), 'formulas.db')}`,
    FORWARD_TO: [`sqs+${sqs.queueUrl}#lab`, `${webhook.url}#erp`, ...others.map(({ url }) => url)].join(' '),
    FORWARD_PRIVATE: 'true',
    WEBHOOK_SECRETS_FILE: webhook.secretsFile,
    EVENT_RETENTION_HOURS: '0',
  }
  // SQS is slow, so that there are always calls in flight.
  sqs.fault = (forward) => setTimeout(forward, 100)
  const ids: string[] = []
  const read = new Map(READ.map((name) => [name, new Set<string>()]))
  for (let cycle = 0; cycle < 2; cycle++) {
    const service = await startService(t, env)
    await fetch(`${service.url}/subscriptions/audit`, { method: 'PUT' })
    const consumers = [...read].map(([name, seen]) => consume(service.url, name, seen))
    const before = sqs.ids().length
    let harmed: Promise<unknown> | undefined
    for (let list = 0; list < 4; list++) {
      const formulas = Array.from({ length: 100 }, (_, index) => formula(cycle * 1000 + list * 100 + index + 1))
      if (cycle === 0 && list === 1) harmed = harm()
      if (list === 2) await harmed
      ids.push(...(await submit(service.url, `${cycle}-${list}`, formulas)))
    }
    await until(() => sqs.ids().length >= before + 100)
    await service.kill('SIGKILL')
    await Promise.all(consumers)
    t.ok(new Set(sqs.ids()).size < ids.length, 'there was more to send')
  }
  // End the leases of the killed processes instead of waiting for their expiry.
  const later = 5 * 60_000
  const clock = {
    now: () => Date.now() + later,
    after: (ms: number, run: () => void) => {
      const timer = setTimeout(run, ms)
      return () => clearTimeout(timer)
    },
  }
  const { queue } = (await startInProcess(t, env, { clock })).app
  const stats = async (): Promise<QueueStats[]> => {
    const all = await queue.subscriptions()
    return all.filter(({ name }) => !READ.includes(name))
  }
  await patiently(async () => (await stats()).every(({ ready, leased, delayed }) => ready + leased + delayed === 0))
  t.same([...new Set(sqs.ids())], ids.sort())
  t.same([...new Set(webhook.taken.map(({ id }) => id))].sort(), ids)
  for (const { taken } of others) t.same([...new Set(await taken())].sort(), ids)
  for (const [name, seen] of read) {
    for (const { id } of await drainIn(queue, name)) seen.add(id)
    t.same([...seen].sort(), ids, name)
  }
  for (const { dead } of await queue.subscriptions()) t.equal(dead, 0)
}

/** Submits until it is answered with 200. @returns the formulas' ids */
async function submit(url: string, key: string, formulas: object[]): Promise<string[]> {
  const answer = await post(url, key, formulas)
  if (!answer.ok) return submit(url, key, formulas)
  const added = (await answer.json()) as { formulas: { id: string }[] }
  return added.formulas.map(({ id }) => id)
}

/** Receives and acks events until the service is gone. */
async function consume(url: string, subscription: string, seen: Set<string>): Promise<void> {
  try {
    for (;;) {
      const body = { subscription, max: 10, waitSeconds: 1 }
      const { events = [] } = await call<{ events?: { id: string; receipt: string }[] }>(url, '/events/receive', body)
      for (const { id } of events) seen.add(id)
      if (events.length > 0) await call(url, '/events/ack', { receipts: events.map(({ receipt }) => receipt) })
    }
  } catch {
    // It was killed.
  }
}
