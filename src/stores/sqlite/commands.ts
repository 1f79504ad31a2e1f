import type { DatabaseSync } from 'node:sqlite'
import { isoTime } from '../../clock.ts'
import { decisionOf, eventsOf, type Judgement, judge, type Lookup } from '../judge.ts'
import { type AddVerdict, type Decision, type FormulaQuery, ORPHANED, type Submission, type Verdict } from '../ports.ts'
import { answerTable } from './answer-table.ts'
import { eventTables } from './event-tables.ts'
import { formulaTable, formulaWriter, pendingTable } from './formula-table.ts'
import { givenUpTable, identityTable } from './identity-table.ts'
import { intentTable } from './intent-table.ts'

/** What the reading worker does. */
export function readCommands(db: DatabaseSync) {
  const formulas = formulaTable(db)
  return {
    get: (_now: number, id: string) => formulas.get(id),
    list: (_now: number, query: FormulaQuery) => formulas.list(query),
    probe: (): void => void formulas.list({ limit: 1 }),
  }
}

export interface WriteOptions {
  answerTtlMs: number
  maxReceives: number
}

/** What the writing worker does, each inside the transaction of its batch. `now` is milliseconds since the epoch. */
export function writeCommands(db: DatabaseSync, { answerTtlMs, maxReceives }: WriteOptions) {
  const stored = formulaTable(db)
  const writer = formulaWriter(db)
  const pending = pendingTable(db)
  const answers = answerTable(db, answerTtlMs)
  const intents = intentTable(db)
  const givenUp = givenUpTable(db)
  const queue = eventTables(db, maxReceives)

  function decide(now: number, submission: Submission): Exclude<Judgement, { kind: 'settled' }> {
    const lookup: Lookup = {
      answer: ({ caller, key }) => answers.find(now, caller, key),
      running: intents.running,
      formula: stored.get,
      claimed: pending.holderOf,
    }
    const judgement = judge(submission, lookup, isoTime(now))
    if (judgement.kind !== 'settled') return judgement
    answers.keep(now, submission, judgement.answer)
    return { kind: 'answered', submissionId: submission.id, answer: judgement.answer }
  }

  /** The verdict of a submission that was given up too late. */
  function answered(now: number, { id, caller, key }: Submission): Verdict | null {
    const kept = answers.find(now, caller, key)
    return kept?.submissionId === id ? { kind: 'answered', submissionId: id, answer: kept.answer } : null
  }

  const commands = {
    accept(now: number, submission: Submission): Verdict {
      if (givenUp.has(submission.id)) return answered(now, submission) ?? { kind: 'given-up' }
      const judgement = decide(now, submission)
      if (judgement.kind !== 'accepted') return judgement
      for (const formula of judgement.added) writer.add(formula, now)
      queue.append(judgement.added)
      answers.keep(now, submission, judgement.answer)
      return { kind: 'answered', submissionId: submission.id, answer: judgement.answer }
    },
    giveUp: (now: number, submissionId: string) => givenUp.add(now, submissionId),

    add(now: number, attemptId: string, submission: Submission): AddVerdict {
      if (givenUp.has(attemptId)) return { kind: 'given-up' }
      const own = intents.get(attemptId)
      if (own?.state === 'pending') return { kind: 'added', events: own.events }
      if (own?.state === 'rolling-back') return { kind: 'given-up' }
      const judgement = decide(now, submission)
      if (judgement.kind !== 'accepted') return judgement
      const events = eventsOf(judgement.added)
      intents.add(now, attemptId, submission, events, judgement.answer)
      pending.add(attemptId, judgement.added, now)
      return { kind: 'added', events }
    },
    complete(now: number, attemptId: string): Decision {
      const intent = intents.get(attemptId)
      if (intent?.state === 'pending') {
        pending.show(attemptId)
        answers.keep(now, { ...intent, id: intent.submission }, intent.answer)
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

    find: answers.find,
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
    extend: queue.extend,
    stats: queue.stats,
    dead: queue.dead,
    redrive: queue.redrive,
    removeDead: queue.removeDead,
    probe: givenUp.tryOut,
    ...identityTable(db),
  }
  return { commands, flush: queue.flush, reload: queue.reload }
}

export type ReadCommands = ReturnType<typeof readCommands>
export type WriteCommands = ReturnType<typeof writeCommands>['commands']
