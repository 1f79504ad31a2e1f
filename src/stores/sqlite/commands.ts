import type { DatabaseSync } from 'node:sqlite'
import type { StoredFormula } from '../../formula/formula.ts'
import { isoTime } from '../../kit/clock.ts'
import { type Decided, decide as decideSubmission, decisionOf, eventsOf, type Lookup } from '../decide.ts'
import {
  type AddVerdict,
  type Decision,
  type FormulaQuery,
  ORPHANED,
  type Page,
  type Submission,
  type Verdict,
} from '../ports.ts'
import { answerTable, type Slot, slotOf } from './answer-table.ts'
import { eventTables } from './event-tables.ts'
import { formulaTable, formulaWriter, pendingTable, withMaterials } from './formula-table.ts'
import { givenUpTable, identityTable } from './identity-table.ts'
import { intentTable } from './intent-table.ts'
import { type PackedAnswer, type PackedSubmission, packVerdict, unpack } from './packed.ts'
import { staleAnswers } from './stale-answers.ts'

type JsonSubmission = Submission<string>

/** What the reading worker does. */
export function readCommands(db: DatabaseSync) {
  const formulas = formulaTable(db)
  return {
    get(_now: number, id: string): StoredFormula | null {
      // The writer has added to it meanwhile.
      formulas.index.catchUp()
      const formula = formulas.get(id)
      return formula === null ? null : withMaterials(formula)
    },
    list(_now: number, query: FormulaQuery): Page<StoredFormula> {
      const { items, next } = formulas.list(query)
      return { items: items.map(withMaterials), next }
    },
    probe: (): void => formulas.probe(),
  }
}

export interface WriteOptions {
  answerTtlMs: number
  maxReceives: number
}

/** What the writing worker does, each inside the transaction of its batch. `now` is milliseconds since the epoch. */
export function writeCommands(db: DatabaseSync, { answerTtlMs, maxReceives }: WriteOptions) {
  const stored = formulaTable(db)
  const writer = formulaWriter(db, stored.index)
  const pending = pendingTable(db, stored.index)
  const answers = answerTable(db, answerTtlMs)
  const intents = intentTable(db)
  const givenUp = givenUpTable(db)
  const queue = eventTables(db, maxReceives)

  function decide(now: number, slot: Slot, submission: JsonSubmission): Exclude<Decided<string>, { kind: 'settled' }> {
    const lookup: Lookup<string> = {
      answer: () => answers.find(now, slot),
      running: () => (intents.any() ? intents.running(slot) : null),
      formula: stored.get,
      claimed: (id) => (intents.any() ? pending.holderOf(id) : null),
      write: (json) => json,
    }
    const judgement = decideSubmission(submission, lookup, isoTime(now))
    if (judgement.kind !== 'settled') return judgement
    answers.keep(now, slot, submission, judgement.answer)
    return { kind: 'answered', submissionId: submission.id, answer: judgement.answer }
  }

  /** The verdict of a submission that was given up too late. */
  function answered(now: number, slot: Slot, id: string): Verdict | null {
    const kept = answers.find(now, slot)
    return kept?.submissionId === id ? { kind: 'answered', submissionId: id, answer: kept.answer } : null
  }

  function accept(now: number, submission: JsonSubmission): Verdict {
    const slot = slotOf(submission.caller, submission.key)
    if (givenUp.has(submission.id)) return answered(now, slot, submission.id) ?? { kind: 'given-up' }
    const judgement = decide(now, slot, submission)
    if (judgement.kind !== 'accepted') return judgement
    for (const formula of judgement.added) writer.add(formula, now)
    queue.append(now, judgement.added, submission.traceparent ?? null)
    answers.keep(now, slot, submission, judgement.answer)
    return { kind: 'answered', submissionId: submission.id, answer: judgement.answer }
  }

  const commands = {
    accept(now: number, packed: PackedSubmission) {
      return packVerdict(accept(now, unpack(packed)))
    },
    giveUp: (now: number, submissionId: string) => givenUp.add(now, submissionId),

    add(
      now: number,
      attemptId: string,
      packed: PackedSubmission,
    ): Exclude<AddVerdict, { kind: 'answered' }> | PackedAnswer {
      if (givenUp.has(attemptId)) return { kind: 'given-up' }
      const own = intents.get(attemptId)
      if (own?.state === 'pending') return { kind: 'added', events: own.events }
      if (own?.state === 'rolling-back') return { kind: 'given-up' }
      const submission = unpack(packed)
      const judgement = decide(now, slotOf(submission.caller, submission.key), submission)
      if (judgement.kind !== 'accepted') return packVerdict(judgement)
      const events = eventsOf(judgement.added, submission)
      intents.add(now, attemptId, submission, events, judgement.answer)
      pending.add(attemptId, judgement.added, now)
      return { kind: 'added', events }
    },
    complete(now: number, attemptId: string): Decision {
      const intent = intents.get(attemptId)
      if (intent?.state === 'pending') {
        pending.show(attemptId)
        const { caller, key, payload, submission: id, answer } = intent
        answers.keep(now, slotOf(caller, key), { id, payload }, answer)
        intents.decide(now, attemptId, 'completed')
      }
      return decisionOf(intents.get(attemptId))
    },
    abandon(now: number, attemptId: string, reason: string): Decision {
      const intent = intents.get(attemptId)
      if (intent === null) givenUp.add(now, attemptId)
      if (intent?.state === 'pending') intents.decide(now, attemptId, 'rolling-back', reason)
      return decisionOf(intent)
    },
    remove(now: number, attemptId: string): void {
      if (intents.get(attemptId)?.state === 'completed') return
      givenUp.add(now, attemptId)
      pending.remove(attemptId)
      intents.remove(attemptId)
    },
    finish(_now: number, attemptId: string): void {
      if (intents.get(attemptId)?.state === 'completed') intents.remove(attemptId)
    },

    find: (now: number, caller: string, key: string) => answers.find(now, slotOf(caller, key)),
    sweepAnswers(now: number, limit: number): number {
      givenUp.sweep(now - answerTtlMs, limit)
      return answers.sweep(now, limit)
    },

    adoptOrphans: (now: number) => intents.adoptOrphans(now, ORPHANED),
    listCleanups: (_now: number, limit: number) => intents.list(limit),
    dueCleanups: intents.due,
    oldestUnfinished: () => intents.oldestCompleted(),
    postpone: (_now: number, id: string, reason: string, at: number) => intents.postpone(id, reason, at),
    retryCleanup: intents.retry,

    publish: queue.hold,
    release: queue.release,
    removeEvents: queue.remove,
    sweepMarks: (_now: number, olderThan: number, limit: number) => queue.sweep(olderThan, limit),
    receive: queue.receive,
    ack: queue.ack,
    nack: queue.nack,
    putBack: queue.putBack,
    endLeases: queue.endLeases,
    extend: queue.extend,
    stats: queue.stats,
    dead: queue.dead,
    redrive: queue.redrive,
    removeDead: queue.removeDead,
    probe: givenUp.tryOut,
    ...identityTable(db),
  }
  const indexes = [stored.index, answers.index]
  const reload = (): void => {
    for (const table of [answers, queue, intents, givenUp]) table.reload()
    for (const index of indexes) index.forget()
  }
  return { commands, flush: queue.flush, reload, chores: [...indexes, staleAnswers(db)] }
}

export type ReadCommands = ReturnType<typeof readCommands>
export type WriteCommands = ReturnType<typeof writeCommands>['commands']
