import { isTakenIn } from '../decide.ts'
import type { DurableStores } from '../durable.ts'
import type {
  CleanupQueue,
  EngineOptions,
  EventQueue,
  FormulaDb,
  IdempotencyStore,
  Intake,
  OnCommit,
  Settled,
} from '../ports.ts'
import type { ReadCommands, WriteCommands } from './commands.ts'
import { lock } from './durability/file.ts'
import type { CallResult } from './messages.ts'
import { pack, unpackVerdict } from './packed.ts'
import { type OnBatch, WorkerClient } from './worker-client.ts'

/**
 * Opens all stores in one SQLite file (WAL, every commit synced), owned by this process alone. One worker thread
 * writes, another reads, so neither blocks the event loop nor the other.
 * @throws {StoreRefused} when the file is in use, damaged, another program's or a newer version's
 */
export async function openSqlite(path: string, options: EngineOptions): Promise<DurableStores> {
  const { clock, answerTtlMs, maxReceives, onCommit } = options
  const unlock = lock(path)
  const writer = new WorkerClient<WriteCommands>(
    { mode: 'write', path, answerTtlMs, maxReceives },
    clock,
    tellCommits(onCommit),
  )
  const reader = new WorkerClient<ReadCommands>({ mode: 'read', path }, clock)
  try {
    await writer.open()
  } catch (error) {
    await Promise.all([writer.close(), reader.close()])
    unlock()
    throw error
  }
  let closed: Promise<void> | undefined
  const listeners = new Set<() => void>()
  const hint = (): void => {
    for (const listener of listeners) listener()
  }
  return {
    db: formulaDb(writer, reader),
    queue: eventQueue(writer, listeners, hint),
    idempotency: idempotencyStore(writer),
    cleanups: cleanupQueue(writer),
    intake: intake(writer, hint),
    boundQueue: () => writer.call('boundQueue'),
    bindQueue: (id, location) => writer.call('bindQueue', id, location),
    hasOpenAttempts: () => writer.call('hasOpenAttempts'),
    close: () => {
      // The writer goes last: closing the last connection, it brings the whole log into the database file.
      closed ??= reader
        .close()
        .then(() => writer.close())
        .then(unlock)
      return closed
    },
  }
}

type Writer = WorkerClient<WriteCommands>

/** The calls that store a submission. */
const STORING = new Set<string>(['accept', 'add'] satisfies (keyof WriteCommands)[])

/** Tells of the submissions of each batch; what else travels in it is not counted. */
function tellCommits(onCommit: OnCommit = () => {}): OnBatch {
  return (sent, results, seconds) => {
    let stored = 0
    sent.forEach(({ call }, index) => {
      if (STORING.has(call[0]) && 'value' in (results[index] as CallResult)) stored++
    })
    if (stored > 0) onCommit(stored, seconds)
  }
}

function intake(writer: Writer, hint: () => void): Intake {
  return {
    async accept(submission, notAfter = Number.POSITIVE_INFINITY) {
      const verdict = unpackVerdict(await writer.callBefore(notAfter, 'accept', pack(submission)))
      if (isTakenIn(verdict, submission)) hint()
      return verdict
    },
    giveUp: (submissionId) => writer.call('giveUp', submissionId),
  }
}

function formulaDb(writer: Writer, reader: WorkerClient<ReadCommands>): FormulaDb {
  return {
    get: (id) => reader.call('get', id),
    list: (query) => reader.call('list', query),
    add: async (attemptId, submission) => unpackVerdict(await writer.call('add', attemptId, pack(submission))),
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

function eventQueue(writer: Writer, listeners: Set<() => void>, hint: () => void): EventQueue {
  return {
    identity: () => writer.call('storeId'),
    publish: (attemptId, events) => writer.call('publish', attemptId, events),
    async release(attemptId, events) {
      await writer.call('release', attemptId, events)
      hint()
    },
    remove: (attemptId) => writer.call('removeEvents', attemptId),
    sweep: (olderThan, limit) => writer.call('sweepMarks', olderThan, limit),
    receive: (max, leaseMs) => writer.call('receive', max, leaseMs),
    ack: (receipts) => writer.call('ack', receipts),
    async nack(receipts, delayMs) {
      const settled: Settled = await writer.call('nack', receipts, delayMs)
      if (settled.accepted > 0) hint()
      return settled
    },
    async putBack(receipts) {
      const settled: Settled = await writer.call('putBack', receipts)
      if (settled.accepted > 0) hint()
      return settled
    },
    async endLeases(ids) {
      const ended = await writer.call('endLeases', ids)
      if (ended > 0) hint()
      return ended
    },
    extend: (receipts, leaseMs) => writer.call('extend', receipts, leaseMs),
    stats: () => writer.call('stats'),
    dead: (limit, before) => writer.call('dead', limit, before),
    async redrive(ids) {
      const redriven = await writer.call('redrive', ids)
      if (redriven > 0) hint()
      return redriven
    },
    removeDead: (id) => writer.call('removeDead', id),
    onReady(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    probe: () => writer.call('probe'),
  }
}
