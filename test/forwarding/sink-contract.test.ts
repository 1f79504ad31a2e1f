import type { Test } from 'tap'
import { openSqsSink } from '../../src/outbox/sqs-sink.ts'
import { openWebhookSink } from '../../src/outbox/webhook-sink.ts'
import { type SinkReceiver, sinkContract } from '../contract/sink.ts'
import { always, refusing, startSqs } from '../support/sqs.ts'
import { answering, startWebhook } from '../support/webhook.ts'

const sqsReceiver =
  (queue: string) =>
  async (t: Test): Promise<SinkReceiver> => {
    const sqs = await startSqs(t, queue)
    return {
      open: () => openSqsSink(new URL(sqs.queueUrl)),
      accept() {
        sqs.fault = null
      },
      throttle() {
        sqs.fault = always(400, 'RequestThrottled')
      },
      throttleSome() {
        sqs.fault = refusing({ Code: 'ThrottlingException', SenderFault: true }, ({ Id }) => Number(Id) % 3 === 1)
      },
      refusePoison: () => sqs.configure({ MaximumMessageSize: '1024' }),
      hang() {
        sqs.fault = () => {}
      },
      stop: sqs.stop,
      start: sqs.start,
      taken: () => sqs.messages().map(({ body }) => JSON.parse(body)),
      dropsRepeats: queue.endsWith('.fifo'),
    }
  }

async function webhookReceiver(t: Test): Promise<SinkReceiver> {
  const webhook = await startWebhook(t)
  const { url, secretsFile } = webhook
  return {
    open: async (clock) =>
      openWebhookSink({ kind: 'webhook', url, subscription: 'erp' }, { secretsFile, allowsPrivate: true, clock }),
    accept() {
      webhook.answer = answering(204)
    },
    throttle() {
      webhook.answer = answering(429, { 'retry-after': '60' })
    },
    throttleSome() {
      webhook.answer = (response, { data }) => answering(/[05]$/.test(data.name) ? 503 : 200)(response)
    },
    refusePoison() {
      webhook.answer = (response, { data }) => answering(data.name.length > 100 ? 422 : 202)(response)
    },
    hang() {
      webhook.answer = () => {}
    },
    stop: webhook.stop,
    start: webhook.start,
    taken: () => webhook.taken,
    dropsRepeats: false,
  }
}

sinkContract('SQS, standard', sqsReceiver('formulas'))
sinkContract('SQS, FIFO', sqsReceiver('formulas.fifo'))
sinkContract('webhook', webhookReceiver)
