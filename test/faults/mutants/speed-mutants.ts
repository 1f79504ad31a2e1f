import type { Mutant } from './mutant.ts'

const LATE = 'src/stores/sqlite/upkeep/late-index.ts'
const LATE_TEST = 'test/stores/late-index.test.ts'
const RECENT = 'src/submission/recent-answers.ts'
const RECENT_TEST = 'test/submission/recent-answers.test.ts'
const OVERLOAD_TEST = 'test/http/overload.test.ts'

/** Bugs in what makes the service fast, and in what it does when it is not fast enough. */
export const speedMutants: Mutant[] = [
  {
    name: 'late index: rows that are not indexed yet are not found',
    breaks: 'nothing is stored twice',
    edits: [[LATE, 'const seqs = this.#buffer.seqsOf(prefix)', 'const seqs = this.#buffer.seqsOf(-1)']],
    caughtBy: [LATE_TEST, 'compositions, keys and names are found whether or not the indexes have them yet'],
  },
  {
    name: 'late index: rows that are being indexed are not found meanwhile',
    breaks: 'nothing is stored twice',
    edits: [[LATE, 'this.#writing?.buffer.seqsOf(prefix) ?? []', '[] as number[]']],
    caughtBy: [LATE_TEST, 'compositions, keys and names are found whether or not the indexes have them yet'],
  },
  {
    name: 'late index: a search by name looks only at what is written',
    breaks: 'what is answered is found',
    edits: [['src/stores/sqlite/formula-table.ts', 'of index.seqsWith(prefix)', 'of [] as number[]']],
    caughtBy: [LATE_TEST, 'compositions, keys and names are found whether or not the indexes have them yet'],
  },
  {
    name: 'late index: of several runs only the first is written',
    breaks: 'nothing is stored twice',
    edits: [[LATE, 'from < buffer.size; from += RUN', 'from < RUN; from += RUN']],
    caughtBy: [LATE_TEST, 'a backlog of several sorted runs is indexed in one order, each entry once'],
  },
  {
    name: 'late index: after a crash, rows that were not indexed are not found',
    breaks: 'nothing is stored twice, whatever dies',
    edits: [[LATE, '.iterate(known)', '.iterate(Number.MAX_SAFE_INTEGER)']],
    caughtBy: [LATE_TEST, 'after a crash, rows that were not indexed yet are still found'],
  },
  {
    name: 'late index: rows are recorded as indexed before they are',
    breaks: 'nothing is stored twice, whatever dies',
    edits: [
      [LATE, '    let written = 0\n', '    let written = 0\n    this.#setIndexed.run(buffer.last ?? this.#indexed)\n'],
    ],
    caughtBy: [LATE_TEST, 'after a crash, rows that were not indexed yet are still found'],
  },
  {
    name: 'late index: rows that were rolled back are still found',
    breaks: 'nothing refused leaves a trace',
    edits: [['src/stores/sqlite/formula-table.ts', '      next = null\n      index.forget()\n', '      next = null\n']],
    caughtBy: [LATE_TEST, 'a formula that reuses a row number after a rollback is found, also one of a saga'],
  },
  {
    name: 'late index: each erasure makes it begin anew',
    breaks: 'memory is bounded, whatever is erased',
    edits: [['src/stores/sqlite/formula-table.ts', 'index.drop(seq)', 'index.forget()']],
    caughtBy: [LATE_TEST, 'erasures between slices neither stop the indexes nor have rows read again'],
  },
  {
    name: 'late index: the reader does not notice rows that the writer has added',
    breaks: 'what is answered is found',
    edits: [['src/stores/sqlite/commands.ts', '    formulas.index.catchUp()\n', '']],
    caughtBy: [
      'test/stores/sqlite.test.ts',
      'sqlite formula db: formulas',
      'a formula is found as soon as it is stored, whatever was looked up before',
    ],
  },
  {
    name: 'late index: entries of live answers are deleted with those of swept ones',
    breaks: 'a key lives for its TTL',
    edits: [['src/stores/sqlite/answer-table.ts', 'prefix <= ? AND seq < ?', 'prefix <= ? AND seq < ? + 9']],
    caughtBy: [LATE_TEST, 'index entries of swept answers are deleted once they outnumber the live ones'],
  },
  {
    name: 'late index: a number is given again when all answers have been swept',
    breaks: 'a key that was answered is replayed',
    edits: [['src/stores/sqlite/answer-table.ts', 'FROM answers), answers) + 1', 'FROM answers), 0) + 1']],
    caughtBy: [LATE_TEST, 'when all answers have been swept, new ones are still found'],
  },
  {
    name: 'recent answers: other bytes are answered as well',
    breaks: 'a key that was used with another payload is a 422',
    edits: [[RECENT, 'cached.digest === digestOf(request)', 'cached.digest !== undefined']],
    caughtBy: [RECENT_TEST, 'a request that differs in anything is not answered from the cache'],
  },
  {
    name: 'recent answers: they outlive the stored ones',
    breaks: 'a key expires at its time',
    edits: [[RECENT, '      ttl: TTL_MS,\n', '']],
    caughtBy: [
      RECENT_TEST,
      'an answer is cached for ten seconds, so that a stored one that expires is not replayed for long',
    ],
  },
  {
    name: 'overload: nothing is ever refused',
    breaks: 'what is taken in does not wait long, and memory stays bounded',
    edits: [['plugins/overload.ts', 'submissions >= MAX_SUBMISSIONS || formulas >= MAX_FORMULAS', 'submissions < 0']],
    caughtBy: [
      OVERLOAD_TEST,
      'past 4,096 submissions under way, further ones get 503 before they are read, until some have ended',
    ],
  },
  {
    name: 'overload: lists count as one',
    breaks: 'memory stays bounded',
    edits: [['src/submission/orchestrator.ts', 'this.#load.formulas += length', 'this.#load.formulas += 1']],
    caughtBy: [OVERLOAD_TEST, 'lists count by their formulas'],
  },
]
