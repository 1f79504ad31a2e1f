/**
 * Submits formulas and consumes their events while you make the database fail, then says what was lost:
 *
 *   node examples/failover-drill.ts 120
 *
 * Submits for so many seconds. Reads SERVICE_URL, API_KEY and SUBSCRIPTION from the environment; nobody else may read
 * that subscription. Exits with 0 when nothing was lost, otherwise with 1.
 */
import { setTimeout as pause } from 'node:timers/promises'
// In a project of your own: from 'fragrance-formula-intake-client'.
import { IntakeClient } from '../client/src/client.ts'

const CLIENTS = 16
/** How long the last events may take, in milliseconds. */
const EVENTS_MS = 60_000
/** How many lost keys are printed. */
const SHOWN = 10

const {
  SERVICE_URL: url = 'http://127.0.0.1:3000',
  API_KEY: apiKey,
  SUBSCRIPTION: subscription = 'drill',
} = process.env
const seconds = Number(process.argv[2] ?? 60)
const run = `drill-${Date.now()}`
const client = new IntakeClient({ url, apiKey, retryForMs: Number.POSITIVE_INFINITY })

/** Submits the formula of a key, or repeats it. */
async function submit(key: string) {
  const concentration = key.slice(run.length + 1)
  const { formulas, replayed } = await client.submit({ name: key, materials: [{ name: run, concentration }] }, { key })
  return { id: formulas[0]?.id ?? '', text: JSON.stringify(formulas), replayed }
}

const together = (work: () => Promise<void>): Promise<unknown> => Promise.all(Array.from({ length: CLIENTS }, work))

const events = new Set<string>()
// An event whose delivery is lost comes again when its lease ends.
const consuming = { subscription, concurrency: CLIENTS, leaseSeconds: 5, onError() {} }
const consumer = client.consume(({ id }) => events.add(id), consuming)

console.log(`Submitting for ${seconds} s: make the database fail now`)
const answers = new Map<string, { id: string; text: string }>()
const end = performance.now() + seconds * 1000
let [submitted, answeredAt, longestMs] = [0, performance.now(), 0]
await together(async () => {
  while (performance.now() < end) {
    const key = `${run}-${++submitted}`
    answers.set(key, await submit(key))
    longestMs = Math.max(longestMs, performance.now() - answeredAt)
    answeredAt = performance.now()
  }
})
console.log(`${answers.size} answered, the longest pause between two answers was ${Math.ceil(longestMs)} ms`)

// Before anything is repeated: a repeat stores a lost formula again, under the same id.
const stored = new Set<string>()
for await (const { id } of client.list({ name: run })) stored.add(id)

const changed: string[] = []
const left = [...answers]
await together(async () => {
  for (let next = left.pop(); next; next = left.pop()) {
    const [key, first] = next
    const { text, replayed } = await submit(key)
    if (!replayed || text !== first.text) changed.push(key)
  }
})

const missing = (ids: Set<string>): string[] => [...answers].filter(([, { id }]) => !ids.has(id)).map(([key]) => key)
const late = performance.now() + EVENTS_MS
while (missing(events).length > 0 && performance.now() < late) await pause(100)
await consumer.stop()

const results = { 'lost formulas': missing(stored), 'changed answers': changed, 'missing events': missing(events) }
for (const [what, keys] of Object.entries(results)) {
  console.log([`${what}: ${keys.length}`, ...keys.slice(0, SHOWN)].join(' '))
  if (keys.length > 0) process.exitCode = 1
}
