import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { onSqlite, type Running } from './contender.ts'
import { load, newRun } from './load/load.ts'
import { calm, readyEvents, sendFirst } from './load/preload.ts'
import { median } from './statistics.ts'
import { verify } from './verify.ts'

export interface Sweep {
  /** The worst second of intake as a share of the median, while kept answers expire. */
  expiring: number
  /** The same while none expires. */
  lasting: number
  /** Size of the file after each round; the answers of the round before have expired. */
  fileBytes: number[]
}

interface SweepExtent {
  fillSeconds: number
  /** Answers expire evenly over this time. */
  expirySeconds: number
  loadSeconds: number
  rounds: number
  answersPerRound: number
  /** Longer than the service waits between two sweeps. */
  restSeconds: number
}

/** @throws {Error} when something that was answered is missing */
export async function measureSweep(extent: SweepExtent): Promise<Sweep> {
  const expiring = await onSqlite((running) => measureIntake(running, extent, true))
  const lasting = await onSqlite((running) => measureIntake(running, extent, false))
  return { expiring, lasting, fileBytes: await onSqlite((running) => measureFile(running, extent)) }
}

/** Loads a service whose file is full of answers. */
async function measureIntake(running: Running, extent: SweepExtent, isExpiring: boolean): Promise<number> {
  const send = (seconds: number) =>
    load({ url: running.url, requests: 'single', run: newRun(), seconds, connections: 64 })
  const filled = await send(extent.fillSeconds)
  await running.kill('SIGTERM')
  if (isExpiring) expireAnswers(running, extent.expirySeconds)
  await running.start()
  await calm(running.url)
  const loading = send(extent.loadSeconds)
  const rates = await ratesUntil(running.url, loading)
  const sent = await loading
  if (isExpiring) await pause(extent.restSeconds * 1000)
  await verify(running, [filled, sent])
  return Math.min(...rates) / median(rates)
}

/** The rate of each second until the load ends, without the first and the last, which are incomplete. */
async function ratesUntil(url: string, loading: Promise<unknown>): Promise<number[]> {
  const over = loading.then(
    () => true,
    () => true,
  )
  const rates: number[] = []
  let [before, at] = [await readyEvents(url), performance.now()]
  for (let isOver = false; !isOver; ) {
    isOver = await Promise.race([over, pause(1000, false)])
    const [ready, now] = [await readyEvents(url), performance.now()]
    rates.push(((ready - before) * 1000) / (now - at))
    ;[before, at] = [ready, now]
  }
  return rates.length > 3 ? rates.slice(1, -1) : rates
}

/** Makes the answers of a stopped service expire, oldest first, evenly over a time from now. */
function expireAnswers(running: Running, overSeconds: number): void {
  const db = new DatabaseSync(fileOf(running))
  db.prepare(
    `UPDATE answers SET expires_at = CAST(? + ? * (seq - first) / count AS INTEGER)
     FROM (SELECT min(seq) AS first, count(*) AS count FROM answers)`,
  ).run(Date.now(), overSeconds * 1000)
  db.close()
}

const fileOf = (running: Running): string => join(running.directory, 'formulas.db')

/** Stores the same number of answers per round, after those of the round before have expired and were swept. */
async function measureFile(running: Running, { rounds, answersPerRound, restSeconds }: SweepExtent): Promise<number[]> {
  const [sizes, known]: [number[], { run: number; kept: number }] = [[], { run: newRun(), kept: 100 }]
  await sendFirst(running.url, known.kept, { ...known, requests: 'replay' })
  for (let round = 0; round < rounds; round++) {
    const refused = { ...known, requests: 'duplicate', keys: newRun() } as const
    await sendFirst(running.url, answersPerRound, refused, { status: 409 })
    await running.kill('SIGTERM')
    sizes.push(statSync(fileOf(running)).size)
    expireAnswers(running, 0)
    await running.start()
    await pause(restSeconds * 1000)
  }
  return sizes
}
