import type { Calendar } from './calendar.ts'

type Done = () => void

/** Cores that take work from one queue, first come, first served. */
export class Cores {
  /** Time that they have worked, all of them together, in microseconds. */
  busyUs = 0
  readonly #calendar: Calendar
  readonly #queue = new Queue<[workUs: number, done: Done]>()
  #free: number

  constructor(calendar: Calendar, count: number) {
    this.#calendar = calendar
    this.#free = count
  }

  work(workUs: number, done: Done): void {
    this.#queue.add([workUs, done])
    this.#begin()
  }

  #begin(): void {
    const next = this.#free > 0 ? this.#queue.take() : undefined
    if (next === undefined) return
    const [workUs, done] = next
    this.#free--
    this.#calendar.after(workUs, () => {
      this.#free++
      this.busyUs += workUs
      done()
      this.#begin()
    })
  }
}

/**
 * The one thread that runs JavaScript, on any of the cores it is given. In each turn it does what was there when the turn
 * began; then it looks what may be sent on together.
 */
export class EventLoop {
  readonly #cores: Cores
  readonly #endOfTurn: Done
  #waiting: [workUs: number, done: Done][] = []
  #isRunning = false

  constructor(cores: Cores, endOfTurn: Done) {
    this.#cores = cores
    this.#endOfTurn = endOfTurn
  }

  work(workUs: number, done: Done): void {
    this.#waiting.push([workUs, done])
    if (!this.#isRunning) this.#turn()
  }

  #turn(): void {
    const turn = this.#waiting
    this.#waiting = []
    this.#isRunning = turn.length > 0
    if (this.#isRunning) this.#step(turn, 0)
  }

  #step(turn: [workUs: number, done: Done][], index: number): void {
    const next = turn[index]
    if (next === undefined) {
      this.#endOfTurn()
      this.#turn()
      return
    }
    const [workUs, done] = next
    this.#cores.work(workUs, () => {
      done()
      this.#step(turn, index + 1)
    })
  }
}

/**
 * The write-ahead log. One sync is under way at a time, under one lock, and takes along whatever was written when it
 * began: PostgreSQL's own group commit.
 */
export class Log {
  busyUs = 0
  syncs = 0
  readonly #calendar: Calendar
  readonly #syncUs: number
  #waiting: Done[] = []
  #isSyncing = false

  constructor(calendar: Calendar, syncUs: number) {
    this.#calendar = calendar
    this.#syncUs = syncUs
  }

  sync(done: Done): void {
    this.#waiting.push(done)
    if (!this.#isSyncing) this.#begin()
  }

  #begin(): void {
    const taken = this.#waiting
    this.#waiting = []
    this.#isSyncing = taken.length > 0
    if (!this.#isSyncing) return
    this.#calendar.after(this.#syncUs, () => {
      this.syncs++
      this.busyUs += this.#syncUs
      for (const done of taken) done()
      this.#begin()
    })
  }
}

/** First in, first out, without moving what is left. */
export class Queue<T> {
  #items: T[] = []
  #taken = 0

  get length(): number {
    return this.#items.length - this.#taken
  }

  add(item: T): void {
    this.#items.push(item)
  }

  take(): T | undefined {
    const item = this.#items[this.#taken]
    if (item === undefined) return undefined
    this.#taken++
    if (this.#taken > 1024 && this.#taken * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#taken)
      this.#taken = 0
    }
    return item
  }
}
