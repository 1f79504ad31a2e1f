import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import type { QueueStats } from '../../src/stores/ports.ts'
import { startService as startInProcess } from './http/service.ts'
import { formula, post, startService } from './service-process.ts'
import { environment, startSqs, until } from './sqs.ts'
import { until as patiently } from './until.ts'
import { startWebhook } from './webhook.ts'

/** A receiver beside SQS and a webhook. */
interface OtherReceiver {
  /** With the subscription. */
  url: string
  /** Done once, while events are under way. */
  harm(): Promise<unknown>
  /** Formula ids of what it has taken. */
  taken(): Promise<string[]>
}

/** Kills a service with -9 while it forwards, twice, and checks that every event reaches every sink. */
export async function killWhileForwarding(t: Test, others: OtherReceiver[] = []): Promise<void> {
  const sqs = await startSqs(t)
  const webhook = await startWebhook(t)
  const env = {
    ...environment(sqs),
    DATABASE_URL: `sqlite:${join(dirname(webhook.secretsFile), 'formulas.db')}`,
    SQS_QUEUE_URL: sqs.queueUrl,
    FORWARD_TO: [`${webhook.url}#erp`, ...others.map(({ url }) => url)].join(' '),
    FORWARD_PRIVATE: 'true',
    WEBHOOK_SECRETS_FILE: webhook.secretsFile,
  }
  // SQS is slow, so that there are always calls in flight.
  sqs.fault = (forward) => setTimeout(forward, 10)
  const ids: string[] = []
  for (let cycle = 0; cycle < 2; cycle++) {
    const service = await startService(t, env)
    const before = sqs.ids().length
    for (let list = 0; list < 4; list++) {
      const formulas = Array.from({ length: 100 }, (_, index) => formula(cycle * 1000 + list * 100 + index + 1))
      const answer = (await (await post(service.url, `${cycle}-${list}`, formulas)).json()) as {
        formulas: { id: string }[]
      }
      ids.push(...answer.formulas.map(({ id }) => id))
    }
    await until(() => sqs.ids().length >= before + 100)
    if (cycle === 0) await Promise.all(others.map(({ harm }) => harm()))
    await service.kill('SIGKILL')
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
  const last = await startInProcess(t, env, { clock })
  const stats = (): Promise<QueueStats[]> => last.app.queue.subscriptions()
  await patiently(async () => (await stats()).every(({ ready, leased, delayed }) => ready + leased + delayed === 0))
  t.same([...new Set(sqs.ids())], ids.sort())
  t.same([...new Set(webhook.taken.map(({ id }) => id))].sort(), ids)
  for (const { taken } of others) t.same([...new Set(await taken())].sort(), ids)
  for (const { dead } of await stats()) t.equal(dead, 0)
}
