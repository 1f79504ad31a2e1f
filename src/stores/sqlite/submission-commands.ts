import type { DatabaseSync } from 'node:sqlite'
import { type Accepted, decide, eventsOf } from '../decide.ts'
import { slotOf } from '../kept-answer.ts'
import type {
  AddVerdict,
  Decision,
  FormulaEvent,
  NewFormula,
  OpenAttempt,
  Submission,
  SubmissionStatus,
  Verdict,
} from '../ports.ts'
import { answerTable, type KeptAnswer } from './answer-table.ts'
import { formulaTable, formulaWriter } from './formula-table.ts'
import { givenUpTable, type Intent, intentTable, pendingTable } from './intent-table.ts'
import { ALL_ADDED, type PackedSubmission, unpack } from './messages.ts'
import type { EventLog } from './queue/event-log.ts'

export function submissionTables(db: DatabaseSync, answerTtlMs: number) {
  const formulas = formulaTable(db)
  return {
    formulas,
    writer: formulaWriter(db, formulas.index),
    answers: answerTable(db, answerTtlMs, formulas.bySeq),
    intents: intentTable(db),
    pending: pendingTable(db, formulas.index),
    givenUp: givenUpTable(db),
    /** Set when something was erased: the write-ahead log still holds it. */
    traces: { inLog: false },
  }
}

export type Tables = ReturnType<typeof submissionTables>

/** Decides submissions against what is stored. */
function decider({ formulas, pending, answers, intents }: Tables) {
  return (now: number, slot: string, submission: Submission): Verdict | Accepted =>
    decide(submission, {
      answer: () => answers.find(now, slot),
      running: () => (intents.hasRows() ? intents.running(slot) : null),
      formula: formulas.get,
      claimed: (id) => (intents.hasRows() ? pending.holderOf(id) : null),
    })
}

/** @param firstAdded the sequence number of the first formula added; 0 when none was */
function toKeptAnswer(submission: Submission, { added, answer, kept }: Accepted, firstAdded: number): KeptAnswer {
  const { id: submissionId, payload, createdAt: submittedAt } = submission
  return { submissionId, payload, status: answer.status, kept, firstAdded, added: added.length, submittedAt }
}

/** Commands for submissions whose database and queue share this file. */
export function intakeCommands(tables: Tables, log: EventLog) {
  const { writer, answers, intents, givenUp } = tables
  const decideNow = decider(tables)

  /** The verdict on a submission that was given up: if it had taken effect before, its answer stands. */
  function givenUpVerdict(now: number, slot: string, id: string): Verdict {
    const kept = answers.find(now, slot)
    if (kept?.submissionId !== id) return { kind: 'given-up' }
    return { kind: 'answered', submissionId: id, answer: kept.answer }
  }

  function store(now: number, slot: string, submission: Submission, accepted: Accepted): void {
    const events = eventsOf(accepted.added, submission)
    events.forEach((event, n) => {
      event.seq = writer.add(accepted.added[n] as NewFormula)
    })
    log.append(events)
    answers.keep(now, slot, toKeptAnswer(submission, accepted, events[0]?.seq ?? 0))
  }

  return {
    accept(now: number, packed: PackedSubmission): Verdict | typeof ALL_ADDED {
      const submission = unpack(packed)
      const slot = slotOf(submission.caller, submission.key)
      if (givenUp.has(submission.id)) return givenUpVerdict(now, slot, submission.id)
      const verdict = decideNow(now, slot, submission)
      if (verdict.kind !== 'accepted') return verdict
      store(now, slot, submission, verdict)
      if (verdict.added.length === submission.formulas.length) return ALL_ADDED
      return { kind: 'answered', submissionId: submission.id, answer: verdict.answer }
    },
    giveUp: (now: number, submissionId: string): void => givenUp.add(now, submissionId),
    find: (now: number, caller: string, key: string) => answers.find(now, slotOf(caller, key)),
    status(now: number, caller: string, key: string): SubmissionStatus | null {
      const slot = slotOf(caller, key)
      const running = intents.running(slot)
      return running === null ? answers.status(now, slot) : { submittedAt: running.submittedAt }
    },
  }
}

/** The first step of a saga in the database. */
export function addCommand(tables: Tables) {
  const { pending, answers, intents, givenUp } = tables
  const decideNow = decider(tables)

  return {
    add(now: number, attemptId: string, packed: PackedSubmission): AddVerdict {
      if (givenUp.has(attemptId)) return { kind: 'given-up' }
      const own = intents.get(attemptId)
      if (own?.state === 'pending') return { kind: 'added', events: own.events }
      if (own?.state === 'rolling-back') return { kind: 'given-up' }
      const submission = unpack(packed)
      const { id: submissionId, payload } = submission
      const slot = slotOf(submission.caller, submission.key)
      const verdict = decideNow(now, slot, submission)
      if (verdict.kind !== 'accepted') return verdict
      const { added, answer, kept } = verdict
      if (added.length === 0) {
        answers.keep(now, slot, toKeptAnswer(submission, verdict, 0))
        return { kind: 'answered', submissionId, answer }
      }
      const events = eventsOf(added, submission)
      intents.add(now, { id: attemptId, slot, payload, submissionId, events, kept })
      pending.add(attemptId, added)
      return { kind: 'added', events }
    },
  }
}

/** What is still to do for an intent. */
export function openAttempts({ answers, intents }: Tables) {
  function decisionOf(intent: Intent | null): Decision {
    if (intent?.state !== 'completed') return { kind: 'abandoned' }
    const { kept, firstAdded, events } = intent
    return { kind: 'completed', answer: answers.read({ status: 200, kept, firstAdded, added: events.length }), events }
  }
  function toOpen(intent: Intent): OpenAttempt {
    const { id, attempts, state, events, firstAdded: seq } = intent
    if (state !== 'erasing') return { id, attempts, decision: decisionOf(intent) }
    const formula = { id: events[0]?.id as string, seq }
    return { id, attempts, decision: { kind: 'erased', formula, unreleased: intents.unreleased(seq).map(toOpen) } }
  }
  return { decisionOf, toOpen }
}

/** The later steps of a saga in the database. */
export function sagaCommands(tables: Tables) {
  const { writer, pending, answers, intents, givenUp, traces } = tables
  const { decisionOf, toOpen } = openAttempts(tables)

  function show(now: number, { id, slot, payload, submissionId, kept, events }: Intent): void {
    const firstAdded = writer.take(events.length)
    pending.show(id, firstAdded)
    const [{ createdAt: submittedAt }] = events as [FormulaEvent]
    answers.keep(now, slot, { submissionId, payload, status: 200, kept, firstAdded, added: events.length, submittedAt })
    intents.complete(now, id, firstAdded)
  }

  return {
    complete(now: number, attemptId: string): Decision {
      const intent = intents.get(attemptId)
      if (intent?.state !== 'pending') return decisionOf(intent)
      show(now, intent)
      return decisionOf(intents.get(attemptId))
    },
    abandon(now: number, attemptId: string, reason: string): Decision {
      const intent = intents.get(attemptId)
      if (intent === null) givenUp.add(now, attemptId)
      if (intent?.state === 'pending') intents.abandon(now, attemptId, reason)
      return decisionOf(intent)
    },
    remove(now: number, attemptId: string): void {
      if (intents.get(attemptId)?.state === 'completed') return
      givenUp.add(now, attemptId)
      pending.remove(attemptId)
      intents.remove(attemptId)
    },
    finish(_now: number, attemptId: string): void {
      const state = intents.get(attemptId)?.state
      if (state === 'erasing') {
        pending.remove(attemptId)
        // The intent of its submission may have been removed just before.
        traces.inLog = true
      }
      if (state === 'completed' || state === 'erasing') intents.remove(attemptId)
    },
    dueCleanups: (now: number, limit: number): OpenAttempt[] => intents.due(now, limit).map(toOpen),
  }
}
