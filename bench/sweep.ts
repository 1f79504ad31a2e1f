import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { Running, sqlite } from './contender.ts'
import { load, newRun } from './load/load.ts'
import { post } from './load/post.ts'
import { median } from './median.ts'
import { calm, first, readyEvents } from './preload.ts'
import { type Sent, verify } from './verify.ts'

/** Intake second by second while kept answers expire, or do not. */
export interface Seconds {
  /** Formulas stored in each second. */
  rates: number[]
  /** The worst second as a share of the median. */
  dip: number
}

export interface Sweep {
  /** Answers that expired while formulas came in, and how many of them were still in the file afterwards. */
  expiring: Seconds & { answers: number; left: number }
  /** The same with answers that do not expire. */
  lasting: Seconds
  /** Bytes of the file after each of some rounds whose answers had expired before the next. */
  fileBytes: number[]
}

export interface SweepExtent {
  fillSeconds: number
  /** The answers expire evenly over so long. */
  expirySeconds: number
  loadSeconds: number
  rounds: number
  answersPerRound: number
  /** Longer than the service lets pass between two sweeps. */
  restSeconds: number
}

const CONNECTIONS = 64

/** @throws {Error} when something that was answered is not there */
export async function measureSweep(extent: SweepExtent, say: (line: string) => void): Promise<Sweep> {
  const expiring = await intake(extent, true)
  const lasting = await intake(extent, false)
  say(`worst second: ${expiring.dip.toFixed(2)} of the median, ${lasting.dip.toFixed(2)} when nothing expires`)
  const fileBytes = await rounds(extent)
  say(`file after each round: ${fileBytes.map((bytes) => `${(bytes / 1e6).toFixed(1)} MB`).join(', ')}`)
  return { expiring, lasting: { rates: lasting.rates, dip: lasting.dip }, fileBytes }
}

/** Loads a service whose file is full of answers, and looks at each second. */
async function intake(extent: SweepExtent, isExpiring: boolean): Promise<Sweep['expiring']> {
  const running = await new Running(sqlite).start()
  const sent: Sent[] = []
  try {
    sent.push(await single(running.url, extent.fillSeconds))
    await running.kill('SIGTERM')
    const answers = isExpiring ? expire(running, extent.expirySeconds) : 0
    await running.start()
    await calm(running.url)
    const loading = single(running.url, extent.loadSeconds)
    const rates = await ratesUntil(running.url, loading)
    sent.push(await loading)
    await pause(isExpiring ? extent.restSeconds * 1000 : 0)
    await verify(running, sent)
    await running.kill('SIGTERM')
    return { rates, dip: Math.min(...rates) / median(rates), answers, left: countExpired(running) }
  } finally {
    await running.remove()
  }
}

async function single(url: string, seconds: number): Promise<Sent> {
  const run = newRun()
  const numbers = { requests: 'single', run, keys: run, kept: 1, perReceive: 1 } as const
  const answered = await load({ url, ...numbers, seconds, connections: CONNECTIONS })
  return { ...numbers, connections: CONNECTIONS, answered }
}

/** The rate of each whole second until the load ends; the first and the last are not whole. */
async function ratesUntil(url: string, loading: Promise<unknown>): Promise<number[]> {
  let isOver = false
  const end = (): void => {
    isOver = true
  }
  loading.then(end, end)
  const rates: number[] = []
  let [before, at] = [await readyEvents(url), performance.now()]
  while (!isOver) {
    await pause(1000)
    const [ready, now] = [await readyEvents(url), performance.now()]
    rates.push(((ready - before) * 1000) / (now - at))
    ;[before, at] = [ready, now]
  }
  return rates.length > 3 ? rates.slice(1, -1) : rates
}

/** Lets the answers of a stopped service expire, oldest first, over so many seconds from now. */
function expire(running: Running, overSeconds: number): number {
  return within(running, (db) => {
    const { count, least } = db.prepare('SELECT count(*) AS count, min(seq) AS least FROM answers').get() as {
      count: number
      least: number
    }
    const each = count === 0 ? 0 : (overSeconds * 1000) / count
    db.prepare('UPDATE answers SET expires_at = CAST(? + (seq - ?) * ? AS INTEGER)').run(Date.now(), least, each)
    return count
  })
}

function countExpired(running: Running): number {
  return within(running, (db) => {
    const row = db.prepare('SELECT count(*) AS count FROM answers WHERE expires_at <= ?').get(Date.now())
    return row?.count as number
  })
}

function within<T>(running: Running, work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(fileOf(running))
  try {
    return work(db)
  } finally {
    db.close()
  }
}

const fileOf = (running: Running): string => join(running.directory, 'formulas.db')

/** Keeps as many answers in each round; those of the round before have expired, and their space is used again. */
async function rounds({ rounds, answersPerRound, restSeconds }: SweepExtent): Promise<number[]> {
  const running = await new Running(sqlite).start()
  const [sizes, run, kept]: [number[], number, number] = [[], newRun(), 100]
  try {
    const known = { requests: 'replay', run, keys: run, kept, perReceive: 1 } as const
    await post(running.url, first(kept, known), CONNECTIONS)
    for (let round = 0; round < rounds; round++) {
      await post(
        running.url,
        first(answersPerRound, { ...known, requests: 'duplicate', keys: newRun() }),
        CONNECTIONS,
        409,
      )
      await running.kill('SIGTERM')
      sizes.push(statSync(fileOf(running)).size)
      expire(running, 0)
      await running.start()
      await pause(restSeconds * 1000)
    }
    return sizes
  } finally {
    await running.remove()
  }
}
