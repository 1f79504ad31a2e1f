import { dirname, join } from 'node:path'
import t from 'tap'
import type { QueueStats } from '../../src/stores/ports.ts'
import { startService as startInProcess } from '../support/http/service.ts'
import { formula, post, startService } from '../support/service-process.ts'
import { environment, startSqs, until } from '../support/sqs.ts'
import { startWebhook } from '../support/webhook.ts'

t.test('killed with -9 while it forwards, again and again, every event reaches every sink at least once', async (t) => {
  const sqs = await startSqs(t)
  const webhook = await startWebhook(t)
  const env = {
    ...environment(sqs),
    DATABASE_URL: `sqlite:${join(dirname(webhook.secretsFile), 'formulas.db')}`,
    SQS_QUEUE_URL: sqs.queueUrl,
    FORWARD_TO: `${webhook.url}#erp`,
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
  await until(async () => (await stats()).every(({ ready, leased, delayed }) => ready + leased + delayed === 0))
  t.same([...new Set(sqs.ids())], ids.sort())
  t.same([...new Set(webhook.taken.map(({ id }) => id))].sort(), ids)
  t.match(await stats(), [{ dead: 0 }, { dead: 0 }])
})

t.test('SIGTERM ends a process that cannot reach SQS, with 0, in time', async (t) => {
  t.testdir()
  const sqs = await startSqs(t)
  sqs.fault = () => {}
  const env = { ...environment(sqs), SQS_QUEUE_URL: sqs.queueUrl, DATABASE_URL: 'memory:' }
  const service = await startService(t, env)
  await post(service.url, 'k', formula(1))
  await until(() => sqs.pending > 0)
  const begun = performance.now()
  t.match(await service.kill('SIGTERM'), { code: 0, signal: null })
  t.ok(performance.now() - begun < 12_000)
})
