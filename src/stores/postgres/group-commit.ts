import { StoreUnavailable } from '../../errors/store-errors.ts'
import type { AddVerdict } from '../ports.ts'
import type { BatchItem } from './batch-item.ts'

/** Batches under way at a time: while one waits for the disk, the next is on its way. */
const BATCHES_IN_FLIGHT = 2
/** So many submissions are sent without waiting for more: the server begins while others are still being read. */
const WORTH_SENDING = 32
/** Most submissions, and most formulas, of one batch. */
const MOST_MEMBERS = 256
const MOST_FORMULAS = 4_096
/** Characters of materials from which on a batch is full: what a statement takes must not keep its neighbours for long. */
const MOST_CHARACTERS = 4 * 2 ** 20
/** A call that could not be begun for so long is not begun any more, in milliseconds. */
const PATIENCE_MS = 10_000

interface Waiting {
  member: BatchItem
  startBy: number
  resolve(verdict: AddVerdict): void
  reject(error: unknown): void
}

/** Brings a batch to its end: each member gets its verdict, or the error it failed with. */
export type CommitBatch = (members: BatchItem[]) => Promise<(AddVerdict | Error)[]>

/**
 * Group commit: submissions that arrive while others are being committed are committed together. Of those that want the
 * same key or make-up only one is under way at a time; the others would meet it at a unique index, and their whole batch
 * with them.
 */
export class GroupCommit {
  readonly #commit: CommitBatch
  #queue: Waiting[] = []
  readonly #claimed = new Set<string>()
  #underWay = 0
  #scheduled = false

  constructor(commit: CommitBatch) {
    this.#commit = commit
  }

  /**
   * @param waitMs how long it may wait until it is begun, in milliseconds
   * @throws {StoreUnavailable} with unknown outcome
   */
  add(member: BatchItem, waitMs: number): Promise<AddVerdict> {
    return new Promise((resolve, reject) => {
      const startBy = performance.now() + Math.min(PATIENCE_MS, waitMs)
      this.#queue.push({ member, startBy, resolve, reject })
      if (this.#queue.length >= WORTH_SENDING && this.#underWay < BATCHES_IN_FLIGHT) this.#send()
      else this.#schedule()
    })
  }

  // Once a turn of the event loop, so that requests read in one turn share a batch.
  #schedule(): void {
    if (this.#scheduled || this.#queue.length === 0 || this.#underWay === BATCHES_IN_FLIGHT) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#send()
    })
  }

  #send(): void {
    const batch = this.#nextBatch()
    if (batch.length > 0) void this.#run(batch)
  }

  /** Those from the front that want nothing which others before them want. */
  #nextBatch(): Waiting[] {
    const batch: Waiting[] = []
    const left: Waiting[] = []
    const wanted = new Set<string>()
    const now = performance.now()
    let [formulas, characters] = [0, 0]
    for (const [index, waiting] of this.#queue.entries()) {
      if (batch.length === MOST_MEMBERS || formulas >= MOST_FORMULAS || characters >= MOST_CHARACTERS) {
        left.push(...this.#queue.slice(index))
        break
      }
      const { member, startBy, reject } = waiting
      if (startBy < now) {
        reject(new StoreUnavailable('The call waited too long for the store'))
        continue
      }
      if (member.claims.some((claim) => this.#claimed.has(claim) || wanted.has(claim))) {
        for (const claim of member.claims) wanted.add(claim)
        left.push(waiting)
      } else {
        for (const claim of member.claims) this.#claimed.add(claim)
        formulas += member.submission.formulas.length
        characters += member.length
        batch.push(waiting)
      }
    }
    this.#queue = left
    return batch
  }

  async #run(batch: Waiting[]): Promise<void> {
    this.#underWay++
    this.#schedule()
    const members = batch.map(({ member }) => member)
    const results = await this.#commit(members).catch((error: Error) => members.map(() => error))
    for (const claim of members.flatMap(({ claims }) => claims)) this.#claimed.delete(claim)
    this.#underWay--
    this.#schedule()
    batch.forEach(({ resolve, reject }, index) => {
      const result = results[index] as AddVerdict | Error
      if (result instanceof Error) reject(result)
      else resolve(result)
    })
  }
}
