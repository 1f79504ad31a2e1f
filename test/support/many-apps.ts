import { PerformanceObserver } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import type { Metrics } from '../../src/metrics/metrics.ts'

// Opens, scrapes and closes apps one after another (argument: how many), then prints what is left of them as JSON.

let observers = 0
const observe = PerformanceObserver.prototype.observe
PerformanceObserver.prototype.observe = function (...args) {
  observers++
  return observe.apply(this, args)
}

async function openAndClose(): Promise<WeakRef<Metrics>> {
  const app = buildApp(readConfig({ DATABASE_URL: 'memory:' }))
  await app.ready()
  await app.inject('/metrics')
  await app.close()
  return new WeakRef(app.metrics)
}

const opened: WeakRef<Metrics>[] = []
const [, , apps = '1'] = process.argv
for (let number = 0; number < Number(apps); number++) opened.push(await openAndClose())
await pause(10)
globalThis.gc?.()
const left = opened.filter((metrics) => metrics.deref() !== undefined).length
process.stdout.write(JSON.stringify({ observers, left, waiting: process.getActiveResourcesInfo() }))
