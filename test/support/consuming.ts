import type { Test } from 'tap'
import { type ConsumeOptions, type Consumer, type Handler, IntakeClient } from '../../client/src/client.ts'
import type { QueueStats } from '../../src/stores/ports.ts'
import { startListening } from './http/service.ts'
import { call, formula } from './service-process.ts'
import { until } from './until.ts'

export const formulas = (count: number) =>
  Array.from({ length: count }, (_, index) => formula(index + 1, `F${index + 1}`))

export const stats = (url: string) => call<QueueStats>(url, '/events/stats')

export const untilEmpty = (url: string): Promise<void> =>
  until(async () => {
    const { ready, leased, delayed } = await stats(url)
    return ready + leased + delayed === 0
  })

/** A consumer that ends with its test, and the errors it was told of. */
export function consuming(t: Test, url: string, handler: Handler, options: ConsumeOptions = {}) {
  const errors: string[] = []
  const onError = (error: unknown): void => void errors.push(String(error))
  const consumer: Consumer = new IntakeClient({ url }).consume(handler, { onError, ...options })
  t.teardown(() => consumer.stop().catch(() => {}))
  return { consumer, errors }
}

/** A service with events of formulas F1 to F`count`. */
export async function serviceWith(t: Test, count: number): Promise<string> {
  const { url } = await startListening(t)
  await new IntakeClient({ url }).submit(formulas(count))
  return url
}
