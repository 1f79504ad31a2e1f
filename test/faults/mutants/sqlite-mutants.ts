import type { Mutant } from './mutant.ts'

const COMMANDS = 'src/stores/sqlite/submission-commands.ts'
const BATCHES = 'src/stores/sqlite/batches.ts'
const INTENTS = 'src/stores/sqlite/intent-table.ts'
const FORMULAS = 'src/stores/sqlite/formula-table.ts'
const ANSWERS = 'src/stores/sqlite/answer-table.ts'
const SUITE = 'test/stores/sqlite.test.ts'
const REMOTE = 'test/stores/remote.test.ts'

/** Bugs in the tables of formulas, answers and intents. */
export const sqliteMutants: Mutant[] = [
  {
    name: 'sqlite: an answer before the commit',
    breaks: 'an answer of 200 means it is on disk',
    classic: 'ack before commit',
    edits: [[BATCHES, "this.#db.exec('COMMIT')\n", "setImmediate(() => this.#db.exec('COMMIT'))\n"]],
    caughtBy: [REMOTE, 'what is answered is committed and visible to other connections'],
  },
  {
    name: 'sqlite: a saga is answered before its commit point',
    breaks: 'what is answered is stored',
    classic: 'ack before commit',
    edits: [
      [
        COMMANDS,
        '      show(now, intent)\n      return decisionOf(intents.get(attemptId))\n',
        "      setImmediate(() => show(now, intent))\n      return decisionOf({ ...intent, state: 'completed' })\n",
      ],
    ],
    caughtBy: [
      SUITE,
      'sqlite formula db: completing',
      'completing makes the formulas visible and keeps the answer in one step',
    ],
  },
  {
    name: 'sqlite: an event without its formula',
    breaks: 'storing and publishing are all or nothing',
    classic: 'event without formula, or formula without event',
    edits: [[COMMANDS, 'event.seq = writer.add(accepted.added[n] as NewFormula)', 'event.seq = n + 1']],
    caughtBy: [SUITE, 'sqlite intake: acceptance', 'formulas, events and answer are stored together'],
  },
  {
    name: 'sqlite: a formula without its event',
    breaks: 'storing and publishing are all or nothing',
    classic: 'event without formula, or formula without event',
    edits: [[COMMANDS, '    log.append(events)\n', '']],
    caughtBy: [SUITE, 'sqlite intake: acceptance', 'formulas, events and answer are stored together'],
  },
  {
    name: 'sqlite: the answer is not kept with the formulas',
    breaks: 'a try whose reply was lost is answered as if it had not been',
    edits: [[COMMANDS, '    answers.keep(now, slot, toKeptAnswer(submission, accepted, events[0]?.seq ?? 0))\n', '']],
    caughtBy: [SUITE, 'sqlite intake: repetition', 'the same submission again is answered again, never stored twice'],
  },
  {
    name: 'sqlite: a commit that is tried again publishes again',
    breaks: 'a formula has exactly one event',
    classic: 'double publish on ambiguous commit',
    edits: [
      [
        COMMANDS,
        "      if (verdict.kind !== 'accepted') return verdict\n      store(",
        "      if (verdict.kind === 'answered') log.append(eventsOf(submission.formulas, submission))\n      if (verdict.kind !== 'accepted') return verdict\n      store(",
      ],
    ],
    caughtBy: [SUITE, 'sqlite intake: repetition', 'the same submission again is answered again, never stored twice'],
  },
  {
    name: 'sqlite: what was given up is accepted all the same',
    breaks: 'a call that arrives late has no effect',
    edits: [[COMMANDS, '      if (givenUp.has(submission.id)) return givenUpVerdict(now, slot, submission.id)\n', '']],
    caughtBy: [
      SUITE,
      'sqlite intake: giving up',
      'a submission that was given up cannot be accepted any more, but its key is free',
    ],
  },
  {
    name: 'sqlite: a rollback removes formulas by fingerprint',
    breaks: "a rollback goes by attempt and cannot remove another's formulas",
    classic: 'compensation by fingerprint',
    edits: [
      [
        COMMANDS,
        '      pending.remove(attemptId)\n      intents.remove(attemptId)\n',
        '      for (const { id } of intents.get(attemptId)?.events ?? []) writer.erase(id, tables.formulas.get(id)?.seq ?? 0)\n',
      ],
    ],
    caughtBy: [SUITE, 'sqlite formula db: abandoning', "removing one attempt leaves another's formulas alone"],
  },
  {
    name: 'sqlite: a rollback that is done keeps its key',
    breaks: 'nothing is left behind and the key is free again',
    classic: 'key not released after a failed submission',
    edits: [
      [
        COMMANDS,
        '      pending.remove(attemptId)\n      intents.remove(attemptId)\n',
        '      pending.remove(attemptId)\n',
      ],
    ],
    caughtBy: [
      SUITE,
      'sqlite formula db: abandoning',
      'once removed, key and composition are free for another attempt of the same submission',
    ],
  },
  {
    name: 'sqlite: a rollback that is done keeps its compositions',
    breaks: 'nothing is left behind',
    edits: [[COMMANDS, '      pending.remove(attemptId)\n      intents', '      intents']],
    caughtBy: [REMOTE, 'a finished rollback leaves no rows but its tombstones'],
  },
  {
    name: 'sqlite: an abandoned attempt is forgotten at once',
    breaks: 'a rollback is owed until it is done',
    classic: 'lost cleanup',
    edits: [[COMMANDS, 'intents.abandon(now, attemptId, reason)', 'intents.remove(attemptId)']],
    caughtBy: [SUITE, 'sqlite cleanup queue: list', 'an abandoned attempt is listed until it is removed'],
  },
  {
    name: 'sqlite: no attempt is an orphan',
    breaks: 'what a crash has interrupted is rolled back',
    classic: 'lost cleanup',
    edits: [
      [
        INTENTS,
        "reason = ?, decided_at = ? WHERE state = 'pending'",
        "reason = ?, decided_at = ? WHERE state = 'dying'",
      ],
    ],
    caughtBy: [SUITE, 'sqlite cleanup queue: orphans', 'an orphaned attempt is rolled back, starting now'],
  },
  {
    name: 'sqlite: completed attempts are never due',
    breaks: 'events of an accepted submission are released in the end',
    edits: [
      [INTENTS, "state <> 'pending' AND next_attempt_at <= ?", "state = 'rolling-back' AND next_attempt_at <= ?"],
    ],
    caughtBy: [
      SUITE,
      'sqlite cleanup queue: due work',
      'a completed attempt whose events are not released is due with them, until it is finished',
    ],
  },
  {
    name: 'sqlite: the events of a saga have no numbers of formulas',
    breaks: 'an event says which formula it is of',
    edits: [[INTENTS, 'if (row.firstAdded === 0) return', 'if (row.firstAdded >= 0) return']],
    caughtBy: [
      SUITE,
      'sqlite formula db: completing',
      'completing makes the formulas visible and keeps the answer in one step',
    ],
  },
  {
    name: 'sqlite: a number is given again after an erasure',
    breaks: 'a number stands for one formula for good',
    edits: [[FORMULAS, '      sql.keepNumber.run(seq)\n', '      next = null\n']],
    caughtBy: [
      SUITE,
      'sqlite formula db: erasing',
      'a sequence number is never reused, even if the newest formula was erased',
    ],
  },
  {
    name: 'sqlite: the number of what was erased is forgotten with the process',
    breaks: 'a number stands for one formula for good',
    edits: [[FORMULAS, '      sql.keepNumber.run(seq)\n', '']],
    caughtBy: ['test/stores/late-index.test.ts', 'the sequence number of an erased formula is never reused'],
  },
  {
    name: 'sqlite: a dead letter is erased whatever the number of its formula',
    breaks: 'a formula that was stored anew keeps its event',
    edits: [
      [
        'src/stores/sqlite/queue/dead-letters.ts',
        'DELETE FROM deliveries WHERE fingerprint = ? AND formula = ? RETURNING',
        'DELETE FROM deliveries WHERE fingerprint = ? AND ? > 0 RETURNING',
      ],
    ],
    caughtBy: [
      SUITE,
      'sqlite event queue: erasing',
      'erasing needs the id and sequence number of one event, and does nothing without a match',
    ],
  },
  {
    name: 'sqlite: an answer lives a millisecond too long',
    breaks: 'a key expires at its time',
    edits: [[ANSWERS, 'slot = ? AND expires_at > ?', 'slot = ? AND expires_at >= ?']],
    caughtBy: [SUITE, 'sqlite idempotency store: answers', 'an answer expires at its time, neither sooner nor later'],
  },
  {
    name: 'sqlite: answers behind others that live longer are not swept',
    breaks: 'expired answers do not pile up after their time was shortened',
    edits: [[ANSWERS, 'swept === limit ? swept : swept + sweepSlice(now, limit - swept)', 'swept']],
    caughtBy: [
      'test/stores/late-index.test.ts',
      'answers kept for a shorter time are swept from behind longer ones, with their index entries',
    ],
  },
  {
    name: 'sqlite: pending formulas are visible',
    breaks: 'nobody sees a pending formula',
    edits: [
      [
        COMMANDS,
        '      pending.add(attemptId, added)',
        '      for (const formula of added) tables.writer.add(formula)\n      pending.add(attemptId, added)',
      ],
    ],
    caughtBy: [SUITE, 'sqlite formula db: adding', 'nobody sees a pending formula or its answer'],
  },
  {
    name: 'sqlite: an attempt that is being rolled back can still be completed',
    breaks: 'what was decided stays decided',
    edits: [
      [
        COMMANDS,
        "if (intent?.state !== 'pending') return",
        "if (intent === null || intent.state === 'completed') return",
      ],
    ],
    caughtBy: [SUITE, 'sqlite formula db: abandoning', 'an abandoned attempt can neither be completed nor added again'],
  },
  {
    name: 'sqlite: a completed attempt can still be abandoned',
    breaks: 'after the commit point it only goes forward',
    edits: [[COMMANDS, "if (intent?.state === 'pending') intents.abandon(", 'if (intent !== null) intents.abandon(']],
    caughtBy: [
      SUITE,
      'sqlite formula db: completing',
      'completing again, or abandoning then, gives the same decision and changes nothing',
    ],
  },
]
