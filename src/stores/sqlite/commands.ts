import type { DatabaseSync } from 'node:sqlite'
import type { FormulaQuery, Page, StoredFormula } from '../ports.ts'
import { answerTable } from './answer-table.ts'
import { formulaTable, formulaWriter } from './formula-table.ts'
import { givenUpTable, identityTable } from './identity-table.ts'
import { IntentTable } from './intent-table.ts'
import { pendingTable } from './pending-table.ts'
import { eventQueue, queueCommands } from './queue/queue-commands.ts'
import { addCommand, cleanupCommands, intakeCommands, sagaCommands } from './submission-commands.ts'
import { staleAnswers } from './upkeep/stale-answers.ts'

/** What the reading worker does. */
export function readCommands(db: DatabaseSync) {
  const formulas = formulaTable(db)
  return {
    get(_now: number, id: string): StoredFormula | null {
      // The writer has added to it meanwhile.
      formulas.index.catchUp()
      return formulas.get(id)
    },
    list: (_now: number, query: FormulaQuery): Page<StoredFormula> => formulas.list(query),
    probe: (): void => formulas.probe(),
  }
}

export interface WriteOptions {
  answerTtlMs: number
  maxReceives: number
}

/** What the writing worker does, each inside the transaction of its batch. `now` is milliseconds since the epoch. */
export function writeCommands(db: DatabaseSync, { answerTtlMs, maxReceives }: WriteOptions) {
  const formulas = formulaTable(db)
  const { index } = formulas
  const [writer, pending] = [formulaWriter(db, index), pendingTable(db, index)]
  const answers = answerTable(db, answerTtlMs, formulas.bySeq)
  const [intents, givenUp] = [new IntentTable(db), givenUpTable(db)]
  const tables = { formulas, writer, pending, answers, intents, givenUp }
  const queue = eventQueue(db, maxReceives)

  const commands = {
    ...intakeCommands(tables, queue.log),
    ...addCommand(tables),
    ...sagaCommands(tables),
    ...cleanupCommands(tables),
    ...queueCommands(db, queue),
    ...identityTable(db),
    eraseFormula: (_now: number, id: string, seq: number): boolean => writer.erase(id, seq),
    sweepAnswers(now: number, limit: number): number {
      givenUp.sweep(now - answerTtlMs, limit)
      return answers.sweep(now, limit)
    },
    probe: givenUp.tryOut,
  }
  const reload = (): void => {
    for (const part of [answers, writer, intents, givenUp, queue.log, queue.subscriptions]) part.reload()
    for (const late of [index, answers.index]) late.forget()
  }
  const flush = (): void => queue.subscriptions.flush()
  return { commands, flush, reload, chores: [index, answers.index, staleAnswers(db)] }
}

export type ReadCommands = ReturnType<typeof readCommands>
export type WriteCommands = ReturnType<typeof writeCommands>['commands']
