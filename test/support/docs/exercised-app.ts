import { join } from 'node:path'
import type { Test } from 'tap'
import { buildApp } from '../../../src/app.ts'
import { readConfig } from '../../../src/config/config.ts'
import { systemClock } from '../../../src/kit/clock.ts'
import { openStores } from '../../../src/stores/open.ts'
import { SYNC_STATES } from '../../../src/stores/ports.ts'
import { DAY_MS } from '../../contract/open-stores.ts'
import { parse, type Scraped } from '../http/scrape.ts'
import { startSqs } from '../sqs.ts'

const SECONDS_TO_COLLECT = 10

/** The metrics of a service that has done a bit of everything, as Prometheus scrapes them; standbys are made up. */
export async function scrapeExercisedApp(t: Test): Promise<Scraped> {
  const env = {
    DATABASE_URL: `sqlite:${join(t.testdir(), 'formulas.db')}`,
    SQS_QUEUE_URL: (await startSqs(t)).queueUrl,
  }
  const config = readConfig(env)
  const options = { clock: systemClock, answerTtlMs: DAY_MS, maxReceives: 5 }
  const stores = await openStores({ ...config, options, warn() {} })
  const standbys = async () => SYNC_STATES.map((state) => ({ name: `a ${state} one`, state, lagBytes: 0 }))
  const app = buildApp(config, { stores: { ...stores, standbys } })
  t.teardown(() => app.close())
  const url = await app.listen({ port: 0 })
  const json = { 'content-type': 'application/json' }
  const body = JSON.stringify({ name: 'Rose', materials: [{ name: 'Linalool', concentration: 1 }] })
  for (const key of ['a', 'b']) {
    await fetch(`${url}/formulas`, { method: 'POST', headers: { ...json, 'idempotency-key': key }, body })
  }
  for (const path of ['/formulas', '/nope', '/events/stats']) await fetch(`${url}${path}`)
  await fetch(`${url}/events/receive`, { method: 'POST' })
  const until = performance.now() + SECONDS_TO_COLLECT * 1_000
  for (;;) {
    const scraped = parse(await (await fetch(`${url}/metrics`)).text())
    const hasCollected = scraped.names().includes('nodejs_gc_duration_seconds_count')
    if (hasCollected || performance.now() > until) return scraped
    // Makes garbage until the garbage collector has run.
    Array.from({ length: 1e6 }, (_, number) => ({ number }))
  }
}
