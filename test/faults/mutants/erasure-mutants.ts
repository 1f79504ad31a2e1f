import type { Mutant } from './mutant.ts'

const COMMIT = 'src/submission/commit-strategy.ts'
const RECENT = 'src/submission/recent-answers.ts'
const CALLS = 'test/faults/calls/failing-erasures.test.ts'
const HTTP = 'test/http/erasure.test.ts'
const BYTES = 'test/stores/erased-bytes.test.ts'
const VACUUM = 'test/postgres/vacuum.test.ts'

/** Bugs in erasures. */
export const erasureMutants: Mutant[] = [
  {
    name: 'erasure: it is finished before the event is erased',
    breaks: 'an erasure that was begun erases the event too, whatever fails',
    classic: 'event without formula, or formula without event',
    edits: [
      [
        COMMIT,
        'await this.#queue.erase(formula.id, formula.seq)\n      await this.#db.finish(id)',
        'await this.#db.finish(id)\n      await this.#queue.erase(formula.id, formula.seq)',
      ],
    ],
    caughtBy: [CALLS, 'memory, saga: whatever call of an erasure fails, formula and event go together'],
  },
  {
    name: 'erasure: the events of its submission are released afterwards',
    breaks: 'an erased formula has no event',
    edits: [[COMMIT, 'for (const submission of unreleased) await this.recover(submission)\n', '']],
    caughtBy: [HTTP, 'a submission whose events are not released is finished before its formula is erased'],
  },
  {
    name: 'erasure: answers are replayed from memory without asking',
    breaks: 'after the 204 no instance shows the formula',
    edits: [
      [
        RECENT,
        'if (!(await this.#erasures.changedSince(erasures))) return answer',
        'if (erasures !== Infinity) return answer',
      ],
    ],
    caughtBy: [HTTP, 'one transaction: an erased formula is shown nowhere, and its answers are 410 as a whole'],
  },
  {
    name: 'erasure: the write-ahead log is not emptied',
    breaks: 'nothing of an erased formula is left in a file',
    edits: [
      [
        'src/stores/sqlite/worker.ts',
        'beforeAnswer: () => eraseLog(hasErased())',
        'beforeAnswer: () => eraseLog(hasErased() && false)',
      ],
    ],
    caughtBy: [BYTES, 'one transaction: nothing of an erased formula is left in any file'],
  },
  {
    name: 'erasure: the composition is free before its event is erased',
    breaks: 'until an erasure is done its composition is held',
    edits: [
      [
        'src/stores/sqlite/intent-table.ts',
        'pending.intent WHERE fingerprint = ?`,\n    erasure',
        "pending.intent WHERE fingerprint = ? AND state <> 'erasing'`,\n    erasure",
      ],
    ],
    caughtBy: [
      'test/stores/sqlite.test.ts',
      'sqlite formula db: erasing',
      'an erased composition is held until the erasure is finished, then it is stored anew',
    ],
  },
  {
    name: 'erasure: the vacuum of PostgreSQL runs as other statements do',
    breaks: 'a vacuum follows an erasure, whatever the default isolation level is',
    edits: [['src/stores/postgres/vacuum.ts', 'await client.query(VACUUM)', 'await this.#database.execute(VACUUM)']],
    caughtBy: [VACUUM, 'serializable: the rows of erased formulas leave the file of their table'],
  },
  {
    name: 'erasure: an import ends at a list of which a formula was erased',
    breaks: 'an import that is run again after an erasure takes in what is new',
    edits: [['src/bulk/upload.ts', "=== 'FORMULA_ERASED') {", "=== 'ERASED') {"]],
    caughtBy: [
      'test/bulk/erase.test.ts',
      'a file is imported again after an erasure: what was appended is stored, and what was erased is not added again',
    ],
  },
]
