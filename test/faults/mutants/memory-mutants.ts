import type { Mutant } from './mutant.ts'

const INTAKE = 'src/stores/memory/intake.ts'
const DB = 'src/stores/memory/formula-db.ts'
const INTENTS = 'src/stores/memory/intents.ts'
const ANSWERS = 'src/stores/memory/idempotency-store.ts'
const CLEANUPS = 'src/stores/memory/cleanup-queue.ts'
const SUITE = 'test/stores/memory.test.ts'

/** Bugs in how formulas, answers and intents are kept in memory. */
export const memoryMutants: Mutant[] = [
  {
    name: 'memory: an answer before the commit',
    breaks: 'what is answered is stored',
    classic: 'ack before commit',
    edits: [
      [INTAKE, '    this.#db.formulas.add', '    setImmediate(() => {\n    this.#db.formulas.add'],
      [INTAKE, 'eventsOf(verdict.added, submission))', 'eventsOf(verdict.added, submission))\n    })'],
    ],
    caughtBy: [SUITE, 'memory intake: acceptance', 'formulas, events and answer are there together'],
  },
  {
    name: 'memory: a saga is answered before its commit point',
    breaks: 'what is answered is stored',
    classic: 'ack before commit',
    edits: [
      [
        DB,
        '      this.formulas.add(intent.formulas)\n',
        '      setImmediate(() => {\n      this.formulas.add(intent.formulas)\n',
      ],
      [
        DB,
        'this.intents.complete(intent, now, now + HEAD_START_MS)',
        'this.intents.complete(intent, now, now)\n      })\n      return decisionOf({ ...intent, state: "completed" })',
      ],
    ],
    caughtBy: [
      SUITE,
      'memory formula db: completing',
      'completing makes the formulas visible and keeps the exact answer in one step',
    ],
  },
  {
    name: 'memory: an event without its formula',
    breaks: 'storing and publishing are all or nothing',
    classic: 'event without formula, or formula without event',
    edits: [[INTAKE, '    this.#db.formulas.add(verdict.added)\n', '']],
    caughtBy: [SUITE, 'memory intake: acceptance', 'formulas, events and answer are there together'],
  },
  {
    name: 'memory: a formula without its event',
    breaks: 'storing and publishing are all or nothing',
    classic: 'event without formula, or formula without event',
    edits: [[INTAKE, '    this.#queue.append(eventsOf(verdict.added, submission))\n', '']],
    caughtBy: [SUITE, 'memory intake: acceptance', 'formulas, events and answer are there together'],
  },
  {
    name: 'memory: the answer is not kept with the formulas',
    breaks: 'a try whose reply was lost is answered as if it had not been',
    edits: [[INTAKE, '    this.#answers.keep(submission, verdict.answer)\n', '']],
    caughtBy: [
      'test/faults/calls/submission.test.ts',
      'memory, one transaction, one formula: whatever call goes wrong, it is stored once or not at all',
    ],
  },
  {
    name: 'memory: a commit that is tried again publishes again',
    breaks: 'a formula has exactly one event',
    classic: 'double publish on ambiguous commit',
    edits: [
      [
        INTAKE,
        "if (verdict.kind !== 'accepted') return verdict",
        "if (isOwn && verdict.kind === 'answered') this.#queue.append(eventsOf(JSON.parse(verdict.answer.body).formulas))\n    if (verdict.kind !== 'accepted') return verdict",
      ],
    ],
    caughtBy: [SUITE, 'memory intake: repetition', 'the same submission again is answered again, never stored twice'],
  },
  {
    name: 'memory: what was given up is accepted all the same',
    breaks: 'a call that arrives late has no effect',
    edits: [[INTAKE, "    if (!isOwn && this.#answers.givenUp.get(submission.id)) return { kind: 'given-up' }\n", '']],
    caughtBy: [
      SUITE,
      'memory intake: giving up',
      'what was given up can be accepted no more, though its key is free for another run',
    ],
  },
  {
    name: 'memory: a rollback removes formulas by fingerprint',
    breaks: "a rollback goes by attempt and cannot remove another's formulas",
    classic: 'compensation by fingerprint',
    edits: [
      [
        INTENTS,
        '    this.#byId.delete(intent.id)\n',
        "    if (intent.state === 'completed') this.#byId.delete(intent.id)\n",
      ],
      [
        DB,
        'if (intent !== undefined) this.intents.close(intent)',
        'if (intent !== undefined) this.intents.close(intent)\n    for (const { id } of intent?.formulas ?? []) this.formulas.forget(id)',
      ],
      [
        'src/stores/memory/formulas.ts',
        '  add(formulas: StoredFormula[]): void {',
        '  forget(id: string): void {\n    this.#byId.delete(id)\n  }\n\n  add(formulas: StoredFormula[]): void {',
      ],
    ],
    caughtBy: [SUITE, 'memory formula db: abandoning', "removing one attempt leaves another's formulas alone"],
  },
  {
    name: 'memory: a rollback that is done keeps key and make-ups',
    breaks: 'nothing is left behind and the key is free again',
    classic: 'key not released after a failed submission',
    edits: [[INTENTS, "    if (intent.state !== 'completed') this.#unclaim(intent)\n", '']],
    caughtBy: [
      SUITE,
      'memory formula db: abandoning',
      'once removed, key and make-up are free for another attempt of the same submission',
    ],
  },
  {
    name: 'memory: an abandoned attempt is forgotten at once',
    breaks: 'a rollback is owed until it is done',
    classic: 'lost cleanup',
    edits: [[DB, 'this.intents.rollBack(intent, reason, now, now + HEAD_START_MS)', 'this.intents.close(intent)']],
    caughtBy: [SUITE, 'memory cleanup queue: list', 'an abandoned attempt is owed until it is removed'],
  },
  {
    name: 'memory: no attempt is an orphan',
    breaks: 'what a crash has interrupted is rolled back',
    classic: 'lost cleanup',
    edits: [
      [CLEANUPS, 'const orphans = this.#intents.pending()', 'const orphans = this.#intents.pending().slice(0, 0)'],
    ],
    caughtBy: [SUITE, 'memory cleanup queue: orphans', 'an orphaned attempt is rolled back, starting now'],
  },
  {
    name: 'memory: completed attempts are never due',
    breaks: 'events of an accepted submission are released in the end',
    edits: [
      [
        INTENTS,
        'if (intent.nextAttemptAt > now || due',
        "if (intent.state === 'completed') continue\n      if (intent.nextAttemptAt > now || due",
      ],
    ],
    caughtBy: [
      SUITE,
      'memory cleanup queue: due work',
      'a completed attempt whose events are not released is due with them, until it is finished',
    ],
  },
  {
    name: 'memory: an answer is normalised as it is kept',
    breaks: 'a replay is the first answer byte for byte',
    classic: 'replay of other bytes',
    edits: [
      [
        ANSWERS,
        'payload: submission.payload, answer, expiresAt',
        'payload: submission.payload, answer: { ...answer, body: answer.body.normalize() }, expiresAt',
      ],
    ],
    caughtBy: [SUITE, 'memory idempotency store: answers', 'the body is kept byte for byte'],
  },
  {
    name: 'memory: an answer lives a millisecond too long',
    breaks: 'a key expires at its time',
    edits: [[ANSWERS, 'record.expiresAt <= this.#options', 'record.expiresAt < this.#options']],
    caughtBy: [SUITE, 'memory idempotency store: answers', 'an answer expires at its time, neither sooner nor later'],
  },
  {
    name: 'memory: the caller is left out of the key',
    breaks: 'a key belongs to its caller',
    edits: [
      [ANSWERS, '{ caller: string; key: string }): string =>', '{ caller: string; key: string }): string => key ||'],
    ],
    caughtBy: [SUITE, 'memory idempotency store: answers', 'an answer is found under its caller and key alone'],
  },
  {
    name: 'memory: pending formulas are visible',
    breaks: 'nobody sees a pending formula',
    edits: [[DB, '    this.intents.open({', '    this.formulas.add(formulas)\n    this.intents.open({']],
    caughtBy: [SUITE, 'memory formula db: adding', 'nobody sees a pending formula or its answer'],
  },
  {
    name: 'memory: an attempt that is being rolled back can still be completed',
    breaks: 'what was decided stays decided',
    edits: [[DB, "if (intent?.state === 'pending') {", "if (intent !== undefined && intent.state !== 'completed') {"]],
    caughtBy: [SUITE, 'memory formula db: abandoning', 'an abandoned attempt can neither be completed nor added again'],
  },
  {
    name: 'memory: a completed attempt can still be abandoned',
    breaks: 'after the commit point it only goes forward',
    edits: [
      [
        DB,
        "if (intent?.state === 'pending') this.intents.rollBack(",
        'if (intent !== undefined) this.intents.rollBack(',
      ],
    ],
    caughtBy: [
      SUITE,
      'memory formula db: completing',
      'completing again, or abandoning then, gives the same decision and changes nothing',
    ],
  },
]
