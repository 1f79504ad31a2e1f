import { until } from '../support/until.ts'
import type { LocalWebhook } from '../support/webhook.ts'
import { sendTo } from './client-history.ts'
import { newestFormulas, stats } from './history/reads.ts'

/** The configuration of a service that forwards its events to a webhook. @param source tells its events from others' */
export const forwardingTo = (webhook: LocalWebhook, source: string) => ({
  FORWARD_TO: `${webhook.url}#erp`,
  FORWARD_PRIVATE: 'true',
  WEBHOOK_SECRETS_FILE: webhook.secretsFile,
  EVENT_SOURCE: source,
})

/** Waits until the webhook is sent nothing more. @returns the formulas whose events it has not taken */
export async function missedBy(webhook: LocalWebhook, source: string, url: string): Promise<string[]> {
  const { send, close } = sendTo(url)
  await until(async () => {
    const { ready, leased, delayed } = await stats(send, 'erp')
    return ready + leased + delayed === 0
  }, 100)
  const taken = new Set(webhook.taken.filter((event) => event.source === source).map(({ id }) => id))
  const { fresh } = await newestFormulas(send)
  close()
  return fresh.filter(({ id }) => !taken.has(id)).map(({ name }) => `The webhook has not taken ${name}`)
}
