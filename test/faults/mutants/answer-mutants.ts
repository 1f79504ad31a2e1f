import type { Mutant } from './mutant.ts'

const KEPT = 'src/stores/kept-answer.ts'
const DECIDE = 'src/stores/decide.ts'
const SLOT = 'src/stores/kept-answer.ts'
const TEXT = 'routes/formulas/answer.ts'
const ANSWERS = 'src/stores/sqlite/answer-table.ts'
const FORMULAS = 'src/stores/sqlite/formula-table.ts'
const FORMULA_SQL = 'src/stores/sqlite/formula-table.ts'
const ORCHESTRATOR = 'src/submission/orchestrator.ts'
const SUITE = 'test/stores/sqlite.test.ts'
const POSTGRES = 'test/stores/postgres.test.ts'
const REFERENCES = 'sqlite idempotency store: answers by reference'
const ANSWERED_AGAIN = 'one transaction: a replay is the first answer'
const GONE = 'one transaction: an answer that shows an erased formula is gone, but its key stays used'
const SAME_BYTES = 'a document is kept byte for byte, whatever it says, and so is the body of the event'

/** Bugs in how documents are kept, and answers that refer to them. */
export const answerMutants: Mutant[] = [
  {
    name: 'sqlite: a document is parsed and serialised again',
    breaks: 'a formula is shown as it was stored',
    edits: [[FORMULAS, '  seq,\n  document,\n})', '  seq,\n  document: JSON.stringify(JSON.parse(document)),\n})']],
    caughtBy: [SUITE, 'sqlite formula db: formulas', SAME_BYTES],
  },
  {
    name: 'sqlite: a document is normalised as it is kept',
    breaks: 'a replay is the first answer byte for byte',
    classic: 'replay of other bytes',
    edits: [[FORMULAS, 'searchKey, document)\n      index.add', 'searchKey, document.normalize())\n      index.add']],
    caughtBy: [SUITE, REFERENCES, ANSWERED_AGAIN],
  },
  {
    name: 'postgres: a document is normalised as it is read',
    breaks: 'a replay is the first answer byte for byte',
    classic: 'replay of other bytes',
    edits: [
      ['src/stores/postgres/lookup.ts', 'document: document as string,', 'document: (document as string).normalize(),'],
    ],
    caughtBy: [POSTGRES, 'postgres formula db: formulas', SAME_BYTES],
  },
  {
    name: 'answer: a document is parsed and serialised again',
    breaks: 'an answer shows formulas as they are stored',
    edits: [[TEXT, 'showFormula({ id, document })\n', 'JSON.stringify(JSON.parse(showFormula({ id, document })))\n']],
    caughtBy: [
      'test/http/outcomes.test.ts',
      'an answer shows documents as the text that was stored, with the id first',
    ],
  },
  {
    name: 'kept answer: a copy of the formulas is kept',
    breaks: 'what is erased is in no answer',
    edits: [
      [ANSWERS, '  let next: number | null = null\n', '  let next: number | null = null\n  const copies = new Map()\n'],
      [
        ANSWERS,
        '      const seq = next++\n',
        '      const seq = next++\n      copies.set(submissionId, read(answer))\n',
      ],
      [ANSWERS, 'answer: read(row) }', 'answer: copies.get(toUuid(submissionId)) ?? read(row) }'],
    ],
    caughtBy: [SUITE, REFERENCES, GONE],
  },
  {
    name: 'sqlite: the id of an erased formula is forgotten',
    breaks: 'the state of a submission has the ids of all its formulas',
    edits: [[FORMULAS, '      sql.keepId.run(seq, fingerprint)\n', '']],
    caughtBy: [
      SUITE,
      'sqlite idempotency store: states of submissions',
      'a finished submission has the ids of its list, duplicates and erased formulas included',
    ],
  },
  {
    name: 'submission: whether it runs is asked after the store',
    breaks: 'a submission that was begun is never unknown, unless it failed',
    edits: [
      [ORCHESTRATOR, '    const holder = this.#holders.get(scopedKeyOf({ caller, key }))\n', ''],
      [
        ORCHESTRATOR,
        'return stored ?? (holder ?',
        'const holder = this.#holders.get(scopedKeyOf({ caller, key }))\n    return stored ?? (holder ?',
      ],
    ],
    caughtBy: [
      'test/submission/status.test.ts',
      'one transaction: a submission that ends while its state is looked up is never unknown',
    ],
  },
  {
    name: 'answer: the tag of a formula is made of its id alone',
    breaks: 'a formula that was stored anew is sent again',
    edits: [[TEXT, 'formula.seq}"`', 'formula.id}"`']],
    caughtBy: ['test/http/answers.test.ts', 'a formula has a tag, and is not sent again to who names it'],
  },
  {
    name: 'kept answer: a formula that is gone is left out',
    breaks: 'an answer is the first one or none',
    edits: [[KEPT, 'if (stored === null) return { status: 410 }', 'if (stored === null) continue']],
    caughtBy: [SUITE, REFERENCES, GONE],
  },
  {
    name: 'kept answer: the next formula stands in for one that is gone',
    breaks: 'an answer shows its own formulas',
    edits: [[FORMULA_SQL, 'FROM formulas WHERE seq = ?`', 'FROM formulas WHERE seq >= ? ORDER BY seq LIMIT 1`']],
    caughtBy: [
      SUITE,
      REFERENCES,
      'one transaction: storing an erased composition again does not bring its old answer back',
    ],
  },
  {
    name: 'kept answer: its formulas are looked for from the first on again',
    breaks: 'an answer shows its own formulas',
    edits: [[KEPT, 'added.slice(next, next + number)', 'added.slice(0, number)']],
    caughtBy: [
      SUITE,
      REFERENCES,
      'one transaction: a list of 1,000 formulas, every second one a duplicate, is replayed the same',
    ],
  },
  {
    name: 'kept answer: a twin refers to the formula behind its own',
    breaks: 'an answer shows its own formulas',
    edits: [
      [
        KEPT,
        'twin(formula: Formula, ordinal: number): void {\n',
        'twin(formula: Formula, ordinal: number): void {\n    ordinal++\n',
      ],
    ],
    caughtBy: [SUITE, REFERENCES, ANSWERED_AGAIN],
  },
  {
    name: 'kept answer: the first of its formulas is off by one',
    breaks: 'an answer shows its own formulas',
    edits: [[ANSWERS, '(_, n) => firstAdded + n)', '(_, n) => firstAdded + n - 1)']],
    caughtBy: [SUITE, REFERENCES, ANSWERED_AGAIN],
  },
  {
    name: 'kept answer: what was added is told as a duplicate later',
    breaks: 'a replay is the first answer',
    edits: [[KEPT, 'if (isAdded.has(seq) && !seen.has(seq))', 'if (isAdded.has(seq) && seen.has(seq))']],
    caughtBy: [SUITE, REFERENCES, ANSWERED_AGAIN],
  },
  {
    name: 'kept answer: a list of one is taken for a single formula',
    breaks: 'a replay is the first answer',
    edits: [[KEPT, "new AnswerBuilder(kept.startsWith('s'))", "new AnswerBuilder(!kept.includes(','))"]],
    caughtBy: [SUITE, REFERENCES, ANSWERED_AGAIN],
  },
  {
    name: 'decide: a duplicate is shown as it was sent',
    breaks: 'a duplicate is shown as it is stored',
    edits: [[DECIDE, 'builder.duplicate(stored)', 'builder.duplicate({ ...stored, document: formula.document })']],
    caughtBy: [SUITE, REFERENCES, ANSWERED_AGAIN],
  },
  {
    name: 'postgres: the formulas of an answer are those of the first in its batch',
    breaks: 'an answer shows its own formulas',
    edits: [['src/stores/postgres/functions.ts', 'kept, seqs[first:last], at', 'kept, seqs[1:last - first + 1], at']],
    caughtBy: [
      POSTGRES,
      'postgres intake: together',
      'submissions committed in one batch are each replayed with their own formulas',
    ],
  },
  {
    name: 'sqlite: the caller is left out of the key',
    breaks: 'a key belongs to its caller',
    edits: [[SLOT, "hash('sha256', ", "hash('sha256', key || "]],
    caughtBy: [SUITE, 'sqlite idempotency store: answers', 'an answer is found under its caller and key alone'],
  },
  {
    name: 'slot: caller and key are merely concatenated',
    breaks: 'a key belongs to its caller',
    edits: [[SLOT, '}\\0$', '}$']],
    caughtBy: [SUITE, 'sqlite idempotency store: answers', 'caller and key are not merely concatenated'],
  },
  {
    name: 'sqlite: the body of an event is parsed and serialised again',
    breaks: 'an event says what it was given',
    edits: [
      [
        'src/stores/sqlite/queue/event-log.ts',
        'seq, createdAt, body)',
        'seq, createdAt, JSON.stringify(JSON.parse(body)))',
      ],
    ],
    caughtBy: [
      SUITE,
      'sqlite event queue: bodies',
      'an event has the id, sequence number, time and exact text it was given, held before or not',
    ],
  },
  {
    name: 'sqlite: a dead letter has another text than its event',
    breaks: 'a dead letter says what its event did',
    edits: [
      [
        'src/stores/sqlite/queue/dead-letters.ts',
        '(SELECT fingerprint, formula, at, body FROM events',
        '(SELECT fingerprint, formula, at, json(body) FROM events',
      ],
    ],
    caughtBy: [
      SUITE,
      'sqlite event queue: bodies',
      'a dead letter has the same text, nacked or expired, and so does the event when it is redriven',
    ],
  },
]
