import { type Accepted, decide, eventsOf, type Lookup } from '../decide.ts'
import { slotOf } from '../kept-answer.ts'
import {
  type AddVerdict,
  type Decision,
  type NewFormula,
  type OpenAttempt,
  ORPHANED,
  type Submission,
  type Verdict,
} from '../ports.ts'
import type { AnswerTable } from './answer-table.ts'
import type { FormulaTable, FormulaWriter } from './formula-table.ts'
import type { GivenUpTable } from './identity-table.ts'
import type { Intent, IntentTable } from './intent-table.ts'
import { ALL_ADDED, type PackedSubmission, unpack } from './packed.ts'
import type { PendingTable } from './pending-table.ts'
import type { EventLog } from './queue/event-log.ts'

export interface Tables {
  formulas: FormulaTable
  writer: FormulaWriter
  pending: PendingTable
  answers: AnswerTable
  intents: IntentTable
  givenUp: GivenUpTable
}

/** Decides submissions against what is stored. */
function decider({ formulas, pending, answers, intents }: Tables) {
  return (now: number, slot: string, submission: Submission): Verdict | Accepted => {
    const lookup: Lookup = {
      answer: () => answers.find(now, slot),
      running: () => (intents.any ? intents.running(slot) : null),
      formula: formulas.get,
      claimed: (id) => (intents.any ? pending.holderOf(id) : null),
    }
    return decide(submission, lookup)
  }
}

/** Keeps the answer of a submission whose added formulas have sequence numbers from `firstAdded` on. */
function keep(
  { answers }: Tables,
  now: number,
  slot: string,
  submission: Submission,
  accepted: Accepted,
  firstAdded: number,
): void {
  const { added, answer, kept } = accepted
  const { id: submissionId, payload } = submission
  answers.keep(now, slot, { submissionId, payload, status: answer.status, kept, firstAdded, added: added.length })
}

/** Submissions whose database and queue are one. */
export function intakeCommands(tables: Tables, log: EventLog) {
  const { writer, answers, givenUp } = tables
  const decideNow = decider(tables)

  /** The verdict on a submission that was given up: what took effect before stays. */
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
    keep(tables, now, slot, submission, accepted, events[0]?.seq ?? 0)
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
  }
}

/** The database's part of sagas: their first step. */
export function addCommand(tables: Tables) {
  const { pending, intents, givenUp } = tables
  const decideNow = decider(tables)

  function keepOrClaim(now: number, id: string, slot: string, submission: Submission, accepted: Accepted): AddVerdict {
    const { id: submissionId, payload } = submission
    const { added, answer, kept } = accepted
    if (added.length === 0) {
      keep(tables, now, slot, submission, accepted, 0)
      return { kind: 'answered', submissionId, answer }
    }
    const events = eventsOf(added, submission)
    intents.add(now, { id, slot, payload, submissionId, events, kept })
    pending.add(id, added)
    return { kind: 'added', events }
  }

  return {
    add(now: number, attemptId: string, packed: PackedSubmission): AddVerdict {
      if (givenUp.has(attemptId)) return { kind: 'given-up' }
      const own = intents.get(attemptId)
      if (own?.state === 'pending') return { kind: 'added', events: own.events }
      if (own?.state === 'rolling-back') return { kind: 'given-up' }
      const submission = unpack(packed)
      const slot = slotOf(submission.caller, submission.key)
      const verdict = decideNow(now, slot, submission)
      return verdict.kind === 'accepted' ? keepOrClaim(now, attemptId, slot, submission, verdict) : verdict
    },
  }
}

/** The database's part of sagas: what comes after the first step. */
export function sagaCommands({ writer, pending, answers, intents, givenUp }: Tables) {
  function decisionOf(intent: Intent | null): Decision {
    if (intent?.state !== 'completed') return { kind: 'abandoned' }
    const { kept, firstAdded, events } = intent
    return { kind: 'completed', answer: answers.read({ status: 200, kept, firstAdded, added: events.length }), events }
  }

  function show(now: number, { id, slot, payload, submissionId, kept, events }: Intent): void {
    const firstAdded = writer.take(events.length)
    pending.show(id, firstAdded)
    answers.keep(now, slot, { submissionId, payload, status: 200, kept, firstAdded, added: events.length })
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
      if (intents.get(attemptId)?.state === 'completed') intents.remove(attemptId)
    },
    dueCleanups: (now: number, limit: number): OpenAttempt[] =>
      intents.due(now, limit).map((intent) => {
        return { id: intent.id, attempts: intent.attempts, decision: decisionOf(intent) }
      }),
  }
}

/** What sagas still owe. */
export const cleanupCommands = ({ intents }: Tables) => ({
  adoptOrphans: (now: number): number => intents.adoptOrphans(now, ORPHANED),
  listCleanups: (_now: number, limit: number) => intents.cleanups(limit),
  oldestUnfinished: (): number | null => intents.oldestCompleted(),
  postpone: (_now: number, id: string, reason: string, at: number): void => intents.postpone(id, reason, at),
  retryCleanup: (now: number, id: string): boolean => intents.retry(now, id),
})
