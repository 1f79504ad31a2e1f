import type { Mutant } from './mutant.ts'

const COMMANDS = 'src/stores/sqlite/commands.ts'
const BATCHES = 'src/stores/sqlite/batches.ts'
const INTENTS = 'src/stores/sqlite/intent-table.ts'
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
    caughtBy: [REMOTE, 'what is answered is committed, for every other connection to see'],
  },
  {
    name: 'sqlite: an event without its formula',
    breaks: 'storing and publishing are all or nothing',
    classic: 'event without formula, or formula without event',
    edits: [[COMMANDS, '    for (const formula of judgement.added) writer.add(formula, now)\n', '']],
    caughtBy: [SUITE, 'sqlite intake: acceptance', 'formulas, events and answer are there together'],
  },
  {
    name: 'sqlite: a formula without its event',
    breaks: 'storing and publishing are all or nothing',
    classic: 'event without formula, or formula without event',
    edits: [[COMMANDS, '    queue.append(now, judgement.added, submission.traceparent ?? null)\n', '']],
    caughtBy: [SUITE, 'sqlite intake: acceptance', 'formulas, events and answer are there together'],
  },
  {
    name: 'sqlite: the answer is not kept with the formulas',
    breaks: 'a try whose reply was lost is answered as if it had not been',
    edits: [
      [
        COMMANDS,
        'queue.append(now, judgement.added, submission.traceparent ?? null)\n    answers.keep(now, slot, submission, judgement.answer)',
        'queue.append(now, judgement.added, submission.traceparent ?? null)',
      ],
    ],
    caughtBy: [SUITE, 'sqlite intake: repetition', 'the same submission again is answered again, never stored twice'],
  },
  {
    name: 'sqlite: a commit that is tried again publishes again',
    breaks: 'a formula has exactly one event',
    classic: 'double publish on ambiguous commit',
    edits: [
      [
        COMMANDS,
        "    if (judgement.kind !== 'accepted') return judgement\n    for",
        "    if (judgement.kind === 'answered') queue.append(now, JSON.parse(judgement.answer.body).formulas ?? [], null)\n    if (judgement.kind !== 'accepted') return judgement\n    for",
      ],
    ],
    caughtBy: [SUITE, 'sqlite intake: repetition', 'the same submission again is answered again, never stored twice'],
  },
  {
    name: 'sqlite: what was given up is accepted all the same',
    breaks: 'a call that arrives late has no effect',
    edits: [
      [
        COMMANDS,
        "answered(now, slot, submission.id) ?? { kind: 'given-up' }",
        'answered(now, slot, submission.id) ?? decide(now, slot, submission)',
      ],
    ],
    caughtBy: [
      SUITE,
      'sqlite intake: giving up',
      'what was given up can be accepted no more, though its key is free for another run',
    ],
  },
  {
    name: 'sqlite: a rollback removes formulas by fingerprint',
    breaks: "a rollback goes by attempt and cannot remove another's formulas",
    classic: 'compensation by fingerprint',
    edits: [
      [
        COMMANDS,
        '      intents.remove(attemptId)\n    },\n    finish',
        "      const byFingerprint = db.prepare('DELETE FROM formulas WHERE fingerprint = ?')\n      for (const { id } of intents.get(attemptId)?.events ?? []) byFingerprint.run(Buffer.from(id, 'hex'))\n    },\n    finish",
      ],
    ],
    caughtBy: [SUITE, 'sqlite formula db: abandoning', "removing one attempt leaves another's formulas alone"],
  },
  {
    name: 'sqlite: a rollback that is done keeps its key',
    breaks: 'nothing is left behind and the key is free again',
    classic: 'key not released after a failed submission',
    edits: [[COMMANDS, '      intents.remove(attemptId)\n    },\n    finish', '    },\n    finish']],
    caughtBy: [
      SUITE,
      'sqlite formula db: abandoning',
      'once removed, key and make-up are free for another attempt of the same submission',
    ],
  },
  {
    name: 'sqlite: a rollback that is done keeps its make-ups',
    breaks: 'nothing is left behind',
    edits: [[COMMANDS, '      pending.remove(attemptId)\n', '']],
    caughtBy: [REMOTE, 'a rollback that is done leaves no row but its tombstones'],
  },
  {
    name: 'sqlite: an abandoned attempt is forgotten at once',
    breaks: 'a rollback is owed until it is done',
    classic: 'lost cleanup',
    edits: [[COMMANDS, "intents.decide(now, attemptId, 'rolling-back', reason)", 'intents.remove(attemptId)']],
    caughtBy: [SUITE, 'sqlite cleanup queue: list', 'an abandoned attempt is owed until it is removed'],
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
    name: 'sqlite: an answer is normalised as it is kept',
    breaks: 'a replay is the first answer byte for byte',
    classic: 'replay of other bytes',
    edits: [[ANSWERS, 'status, location, body, now + ttlMs', 'status, location, body.normalize(), now + ttlMs']],
    caughtBy: [SUITE, 'sqlite idempotency store: answers', 'the body is kept byte for byte'],
  },
  {
    name: 'sqlite: an answer lives a millisecond too long',
    breaks: 'a key expires at its time',
    edits: [[ANSWERS, 'caller = ? AND expires_at > ?', 'caller = ? AND expires_at >= ?']],
    caughtBy: [SUITE, 'sqlite idempotency store: answers', 'an answer expires at its time, neither sooner nor later'],
  },
  {
    name: 'sqlite: the caller is left out of the key',
    breaks: 'a key belongs to its caller',
    edits: [
      [ANSWERS, 'caller = ? AND expires_at > ?', 'caller <> ?||char(0) AND expires_at > ?'],
      [ANSWERS, "hash('sha256', ", "hash('sha256', key || "],
    ],
    caughtBy: [SUITE, 'sqlite idempotency store: answers', 'an answer is found under its caller and key alone'],
  },
  {
    name: 'sqlite: pending formulas are visible',
    breaks: 'nobody sees a pending formula',
    edits: [
      [
        COMMANDS,
        '      pending.add(attemptId, judgement.added, now)',
        '      for (const formula of judgement.added) writer.add(formula, now)\n      pending.add(attemptId, judgement.added, now)',
      ],
    ],
    caughtBy: [SUITE, 'sqlite formula db: adding', 'nobody sees a pending formula or its answer'],
  },
  {
    name: 'sqlite: an attempt that is being rolled back can still be completed',
    breaks: 'what was decided stays decided',
    edits: [[COMMANDS, "if (intent?.state === 'pending') {", "if (intent !== null && intent.state !== 'completed') {"]],
    caughtBy: [SUITE, 'sqlite formula db: abandoning', 'an abandoned attempt can neither be completed nor added again'],
  },
  {
    name: 'sqlite: a completed attempt can still be abandoned',
    breaks: 'after the commit point it only goes forward',
    edits: [[COMMANDS, "if (intent?.state === 'pending') intents.decide(", 'if (intent !== null) intents.decide(']],
    caughtBy: [
      SUITE,
      'sqlite formula db: completing',
      'completing again, or abandoning then, gives the same decision and changes nothing',
    ],
  },
]
