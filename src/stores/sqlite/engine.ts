import { isNewlyAccepted } from '../decide.ts'
import type { CleanupQueue, DurableStores, EngineOptions, EventQueue, FormulaDb, Intake, OnCommit } from '../ports.ts'
import type { ReadCommands, WriteCommands } from './commands.ts'
import { lock } from './durability/file.ts'
import { type CallResult, pack, unpackVerdict } from './messages.ts'
import { type ArgsOf, type OnBatch, WorkerClient } from './worker-client.ts'

/**
 * Opens all stores in one SQLite file (WAL, every commit synced), which this process alone owns. One worker thread writes
 * and another reads, so that neither blocks the event loop or the other.
 * @throws {StoreRefused} when the file is in use, damaged, or of another program or version
 */
export async function openSqlite(path: string, options: EngineOptions): Promise<DurableStores> {
  const { clock, answerTtlMs, maxReceives, onCommit = () => {} } = options
  const unlock = lock(path)
  const setup = { mode: 'write', path, answerTtlMs, maxReceives } as const
  const writer = new WorkerClient<WriteCommands>(setup, clock, reportCommits(onCommit))
  const reader = new WorkerClient<ReadCommands>({ mode: 'read', path }, clock)
  try {
    await writer.open()
  } catch (error) {
    await Promise.all([writer.close(), reader.close()])
    unlock()
    throw error
  }
  let closed: Promise<void> | undefined
  // The writer closes last: the last connection to close checkpoints the whole log, which a reader cannot.
  const close = async (): Promise<void> => {
    await reader.close()
    await writer.close()
    unlock()
  }
  return {
    ...storesOver(writer, reader),
    close: () => {
      closed ??= close()
      return closed
    },
  }
}

/** The commands that store a submission. */
const STORING = new Set<string>(['accept', 'add'] satisfies (keyof WriteCommands)[])

function reportCommits(onCommit: OnCommit): OnBatch {
  return (calls, results, seconds) => {
    const stored = calls.filter(([command], n) => STORING.has(command) && 'value' in (results[n] as CallResult)).length
    if (stored > 0) onCommit(stored, seconds)
  }
}

type Writer = Pick<WorkerClient<WriteCommands>, 'call' | 'callBefore'>
type Reader = Pick<WorkerClient<ReadCommands>, 'call'>

/** The stores of a database, by the commands of its writer and its reader. */
export function storesOver(writer: Writer, reader: Reader): Omit<DurableStores, 'close'> {
  const notifier = new ReadyNotifier()
  const erasures = new ErasureCount()
  return {
    db: formulaDb(writer, reader, erasures),
    queue: eventQueue(writer, notifier),
    idempotency: { ...forward(writer, 'find', 'status'), sweep: (limit) => writer.call('sweepAnswers', limit) },
    cleanups: cleanupQueue(writer),
    intake: intake(writer, notifier, erasures),
    ...forward(writer, 'boundQueue', 'bindQueue', 'hasOpenAttempts'),
  }
}

type Methods<K extends keyof WriteCommands> = {
  [N in K]: (...args: ArgsOf<WriteCommands[N]>) => Promise<ReturnType<WriteCommands[N]>>
}

/** Methods that call the writer's command of the same name. */
function forward<K extends keyof WriteCommands>(writer: Writer, ...commands: K[]): Methods<K> {
  const methods = commands.map((command) => [
    command,
    (...args: ArgsOf<WriteCommands[K]>) => writer.call(command, ...args),
  ])
  return Object.fromEntries(methods)
}

/** Calls listeners when events may have become ready. */
class ReadyNotifier {
  readonly #listeners = new Set<() => void>()

  listen(listener: () => void): () => void {
    const own = () => listener()
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  /** Awaits `result` and notifies if `isReady` holds for it. @returns the result */
  async after<R>(result: Promise<R>, isReady: (result: R) => boolean = () => true): Promise<R> {
    const done = await result
    if (isReady(done)) this.notify()
    return done
  }

  notify(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** Counts erasures that may have happened. They are not read from the file, which one process owns. */
class ErasureCount {
  value = 0

  async after<R>(erasure: Promise<R>): Promise<R> {
    return erasure.finally(() => this.value++)
  }
}

function intake(writer: Writer, notifier: ReadyNotifier, erasures: ErasureCount): Intake {
  return {
    // Not async: another promise in this chain would slow down every submission.
    accept(submission, notAfter = Number.POSITIVE_INFINITY) {
      return writer.callBefore(notAfter, 'accept', pack(submission)).then((packed) => {
        const verdict = unpackVerdict(packed, submission)
        if (isNewlyAccepted(verdict, submission)) notifier.notify()
        return verdict
      })
    },
    giveUp: (submissionId) => writer.call('giveUp', submissionId),
    erase: (id) => erasures.after(writer.call('eraseFormula', id)),
  }
}

function formulaDb(writer: Writer, reader: Reader, erasures: ErasureCount): FormulaDb {
  return {
    ...forward(writer, 'complete', 'abandon', 'remove', 'finish'),
    get: (id) => reader.call('get', id),
    getPage: (ids) => reader.call('getPage', ids),
    list: (query) => reader.call('list', query),
    add: (attemptId, submission) => writer.call('add', attemptId, pack(submission)),
    erase: (erasureId, id) => erasures.after(writer.call('startErasure', erasureId, id)),
    erasures: async () => erasures.value,
    probe: async () => void (await Promise.all([writer.call('probe'), reader.call('probe')])),
  }
}

function cleanupQueue(writer: Writer): CleanupQueue {
  return {
    ...forward(writer, 'adoptOrphans', 'oldestUnfinished', 'postpone'),
    heartbeat: async () => {},
    list: (limit) => writer.call('listCleanups', limit),
    due: (limit) => writer.call('dueCleanups', limit),
    retry: (id) => writer.call('retryCleanup', id),
  }
}

function eventQueue(writer: Writer, notifier: ReadyNotifier): EventQueue {
  const hasAccepted = ({ accepted }: { accepted: number }): boolean => accepted > 0
  const isPositive = (count: number): boolean => count > 0
  return {
    ...forward(writer, 'publish', 'trim', 'subscribe', 'subscriptions'),
    ...forward(writer, 'receive', 'ack', 'extend', 'stats', 'events', 'deliveries', 'dead', 'removeDead', 'probe'),
    identity: () => writer.call('storeId'),
    remove: (attemptId) => writer.call('removeEvents', attemptId),
    sweep: (olderThan, limit) => writer.call('sweepMarks', olderThan, limit),
    erase: (id, seq) => writer.call('eraseEvent', id, seq),
    release: async (attemptId, events) => {
      await notifier.after(writer.call('release', attemptId, events), (appended) => appended)
    },
    unsubscribe: (name) => notifier.after(writer.call('unsubscribe', name), (removed) => removed),
    seek: (name, to) => notifier.after(writer.call('seek', name, to)),
    pause: (name, paused) => notifier.after(writer.call('pause', name, paused), () => !paused),
    nack: (receipts, delayMs, detail, only) =>
      notifier.after(
        writer.call('nack', receipts, delayMs, detail, only),
        (settled) => hasAccepted(settled) && delayMs === 0,
      ),
    putBack: (receipts) => notifier.after(writer.call('putBack', receipts), hasAccepted),
    endLeases: (subscription, ids) => notifier.after(writer.call('endLeases', subscription, ids), isPositive),
    redrive: (subscription, ids) => notifier.after(writer.call('redrive', subscription, ids), isPositive),
    onReady: (listener) => notifier.listen(listener),
  }
}
