import { isTakenIn } from '../decide.ts'
import type { CleanupQueue, DurableStores, EventQueue, FormulaDb, IdempotencyStore, Intake } from '../ports.ts'
import type { ReadCommands, WriteCommands } from './commands.ts'
import { pack, unpackVerdict } from './packed.ts'
import type { Caller } from './worker-client.ts'

type Writer = Pick<Caller<WriteCommands>, 'call' | 'callBefore'>
type Reader = Pick<Caller<ReadCommands>, 'call'>

/** The stores of a database, by the commands of its writer and its reader. */
export function storesOver(writer: Writer, reader: Reader): Omit<DurableStores, 'close'> {
  const hints = new Hints()
  return {
    db: formulaDb(writer, reader),
    queue: eventQueue(writer, hints),
    idempotency: idempotencyStore(writer),
    cleanups: cleanupQueue(writer),
    intake: intake(writer, hints),
    boundQueue: () => writer.call('boundQueue'),
    bindQueue: (id, location) => writer.call('bindQueue', id, location),
    hasOpenAttempts: () => writer.call('hasOpenAttempts'),
  }
}

/** Tells listeners that events may have become ready. */
class Hints {
  readonly #listeners = new Set<() => void>()

  listen(listener: () => void): () => void {
    const own = () => listener()
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  /** @returns `result`, having told them if it says that there is something new */
  async after<R>(result: Promise<R>, isNew: (result: R) => boolean = () => true): Promise<R> {
    const done = await result
    if (isNew(done)) for (const listener of this.#listeners) listener()
    return done
  }
}

function intake(writer: Writer, hints: Hints): Intake {
  return {
    async accept(submission, notAfter = Number.POSITIVE_INFINITY) {
      const verdict = writer.callBefore(notAfter, 'accept', pack(submission))
      return hints.after(
        verdict.then((packed) => unpackVerdict(packed, submission)),
        (verdict) => isTakenIn(verdict, submission),
      )
    },
    giveUp: (submissionId) => writer.call('giveUp', submissionId),
  }
}

function formulaDb(writer: Writer, reader: Reader): FormulaDb {
  return {
    get: (id) => reader.call('get', id),
    list: (query) => reader.call('list', query),
    erase: (id, seq) => writer.call('eraseFormula', id, seq),
    add: (attemptId, submission) => writer.call('add', attemptId, pack(submission)),
    complete: (attemptId) => writer.call('complete', attemptId),
    abandon: (attemptId, reason) => writer.call('abandon', attemptId, reason),
    remove: (attemptId) => writer.call('remove', attemptId),
    finish: (attemptId) => writer.call('finish', attemptId),
    probe: async () => void (await Promise.all([writer.call('probe'), reader.call('probe')])),
  }
}

function idempotencyStore(writer: Writer): IdempotencyStore {
  return {
    find: (caller, key) => writer.call('find', caller, key),
    sweep: (limit) => writer.call('sweepAnswers', limit),
  }
}

function cleanupQueue(writer: Writer): CleanupQueue {
  return {
    adoptOrphans: () => writer.call('adoptOrphans'),
    heartbeat: async () => {},
    list: (limit) => writer.call('listCleanups', limit),
    oldestUnfinished: () => writer.call('oldestUnfinished'),
    due: (limit) => writer.call('dueCleanups', limit),
    postpone: (id, reason, nextAttemptAt) => writer.call('postpone', id, reason, nextAttemptAt),
    retry: (id) => writer.call('retryCleanup', id),
  }
}

function eventQueue(writer: Writer, hints: Hints): EventQueue {
  const some = ({ accepted }: { accepted: number }): boolean => accepted > 0
  const any = (count: number): boolean => count > 0
  return {
    identity: () => writer.call('storeId'),
    publish: (attemptId, events) => writer.call('publish', attemptId, events),
    release: async (attemptId, events) => {
      await hints.after(writer.call('release', attemptId, events), (isNew) => isNew)
    },
    remove: (attemptId) => writer.call('removeEvents', attemptId),
    sweep: (olderThan, limit) => writer.call('sweepMarks', olderThan, limit),
    trim: (olderThan, limit) => writer.call('trim', olderThan, limit),
    erase: (id, seq) => writer.call('eraseEvent', id, seq),
    subscribe: (name, from) => writer.call('subscribe', name, from),
    unsubscribe: (name) => writer.call('unsubscribe', name),
    subscriptions: () => writer.call('subscriptions'),
    seek: (name, to) => hints.after(writer.call('seek', name, to)),
    pause: (name, paused) => hints.after(writer.call('pause', name, paused), () => !paused),
    receive: (subscription, max, leaseMs) => writer.call('receive', subscription, max, leaseMs),
    ack: (receipts) => writer.call('ack', receipts),
    nack: (receipts, delayMs, detail) =>
      hints.after(writer.call('nack', receipts, delayMs, detail), (settled) => some(settled) && delayMs === 0),
    putBack: (receipts) => hints.after(writer.call('putBack', receipts), some),
    endLeases: (subscription, ids) => hints.after(writer.call('endLeases', subscription, ids), any),
    extend: (receipts, leaseMs) => writer.call('extend', receipts, leaseMs),
    stats: (subscription) => writer.call('stats', subscription),
    dead: (subscription, limit, before) => writer.call('dead', subscription, limit, before),
    redrive: (subscription, ids) => hints.after(writer.call('redrive', subscription, ids), any),
    removeDead: (subscription, id) => writer.call('removeDead', subscription, id),
    onReady: (listener) => hints.listen(listener),
    probe: () => writer.call('probe'),
  }
}
