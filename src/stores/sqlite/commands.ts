import type { DatabaseSync } from 'node:sqlite'
import { isFingerprint } from '../../formula/identity.ts'
import { cutPage, entryBytes, type Timer } from '../page.ts'
import type { BoundQueue, EngineOptions, FormulaPage, FormulaQuery, StoredFormula } from '../ports.ts'
import { staleAnswers } from './answer-table.ts'
import { erasureCommands } from './erasure-commands.ts'
import { formulaTable } from './formula-table.ts'
import { cleanupCommands } from './intent-table.ts'
import { eventQueue, queueCommands } from './queue/queue-commands.ts'
import { prepare } from './statements.ts'
import { addCommand, intakeCommands, sagaCommands, submissionTables } from './submission-commands.ts'

/** The commands of the reader. */
export function readCommands(db: DatabaseSync, timer?: Timer) {
  const formulas = formulaTable(db, timer)
  const get = (id: string): StoredFormula | null => {
    // The writer may have added formulas since the last read.
    formulas.index.catchUp()
    return isFingerprint(id) ? formulas.get(id) : null
  }
  return {
    get: (_now: number, id: string): StoredFormula | null => get(id),
    getPage(_now: number, ids: string[]): (StoredFormula | null)[] {
      const found = Iterator.from(ids).map(get)
      return cutPage(found, ids.length, (formula) => (formula === null ? 0 : entryBytes(formula))).shown
    },
    list: (_now: number, query: FormulaQuery): FormulaPage => formulas.list(query),
    probe: (): void => formulas.probe(),
  }
}

export type WriteOptions = Pick<EngineOptions, 'answerTtlMs' | 'maxReceives'>

/** The commands of the writer. Each runs in the transaction of its batch. `now` is in milliseconds since the epoch. */
export function writeCommands(db: DatabaseSync, { answerTtlMs, maxReceives }: WriteOptions) {
  const tables = submissionTables(db, answerTtlMs)
  const { formulas, writer, answers, intents, givenUp } = tables
  const queue = eventQueue(db, maxReceives)

  const commands = {
    ...intakeCommands(tables, queue.log),
    ...addCommand(tables),
    ...sagaCommands(tables),
    ...cleanupCommands(db),
    ...queueCommands(db, queue),
    ...erasureCommands(tables, queue.dead),
    ...identityCommands(db),
    sweepAnswers(now: number, limit: number): number {
      givenUp.sweep(now - answerTtlMs, limit)
      return answers.sweep(now, limit)
    },
    probe: givenUp.tryOut,
  }
  const reload = (): void => {
    for (const part of [answers, writer, intents, givenUp, queue.log, queue.subscriptions]) part.reload()
  }
  const flush = (): void => queue.subscriptions.flush()
  /** Whether something was erased since the last call. */
  const hasErased = (): boolean => {
    const { inLog } = tables.traces
    tables.traces.inLog = false
    return inLog
  }
  return { commands, flush, reload, hasErased, chores: [formulas.index, answers.index, staleAnswers(db)] }
}

/** The identity of this database, and the queue that it publishes to. */
function identityCommands(db: DatabaseSync) {
  const sql = prepare(db, {
    get: 'SELECT store_id, queue_id AS id, queue_location AS location FROM identity',
    bind: 'UPDATE identity SET queue_id = ?, queue_location = ?',
    open: 'SELECT EXISTS (SELECT 1 FROM intents) AS open',
  })
  return {
    storeId: (): string => sql.get.get()?.store_id as string,
    boundQueue(): BoundQueue | null {
      const { id, location } = sql.get.get() ?? {}
      return id == null ? null : { id: id as string, location: location as string }
    },
    bindQueue: (_now: number, id: string, location: string): void => void sql.bind.run(id, location),
    hasOpenAttempts: (): boolean => sql.open.get()?.open === 1,
  }
}

export type ReadCommands = ReturnType<typeof readCommands>
export type WriteCommands = ReturnType<typeof writeCommands>['commands']
