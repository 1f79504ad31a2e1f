import t from 'tap'
import { killWhileForwarding } from '../support/killed-while-forwarding.ts'
import { formula, post, startService } from '../support/service-process.ts'
import { environment, startSqs, until } from '../support/sqs.ts'

t.test('killed with -9 while it forwards, again and again, every event reaches every sink at least once', (t) =>
  killWhileForwarding(t),
)

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
