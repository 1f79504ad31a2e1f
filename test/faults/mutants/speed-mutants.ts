import type { Mutant } from './mutant.ts'

const LATE = 'src/stores/sqlite/upkeep/late-index.ts'
const LATE_TEST = 'test/stores/late-index.test.ts'
const RECENT = 'src/submission/recent-answers.ts'
const RECENT_TEST = 'test/submission/recent-answers.test.ts'
const OVERLOAD_TEST = 'test/http/overload.test.ts'

/** Bugs in what makes the service fast, and in what it does when it is not fast enough. */
export const speedMutants: Mutant[] = [
  {
    name: 'late index: what is not written yet is not known',
    breaks: 'nothing is stored twice',
    edits: [[LATE, 'const seqs = this.#buffer.seqsOf(prefix)', 'const seqs = this.#buffer.seqsOf(-1)']],
    caughtBy: [LATE_TEST, 'compositions, keys and names are found whether or not the indexes have them yet'],
  },
  {
    name: 'late index: what is being written is not known meanwhile',
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
    caughtBy: [LATE_TEST, 'a backlog of several runs is written in one order, each entry once'],
  },
  {
    name: 'late index: what a process that died had kept is lost',
    breaks: 'nothing is stored twice, whatever dies',
    edits: [[LATE, '.iterate(known)', '.iterate(Number.MAX_SAFE_INTEGER)']],
    caughtBy: [LATE_TEST, 'what a process that died had not written yet is known to the next'],
  },
  {
    name: 'late index: it says to reach as far as it will when it is written',
    breaks: 'nothing is stored twice, whatever dies',
    edits: [
      [LATE, '    let written = 0\n', '    let written = 0\n    this.#setIndexed.run(buffer.last ?? this.#indexed)\n'],
    ],
    caughtBy: [LATE_TEST, 'what a process that died had not written yet is known to the next'],
  },
  {
    name: 'late index: what was rolled back is remembered',
    breaks: 'nothing refused leaves a trace',
    edits: [['src/stores/sqlite/formula-table.ts', '      next = null\n      index.forget()\n', '      next = null\n']],
    caughtBy: [LATE_TEST, 'a row that takes the place of one that was rolled back is known, also when a saga shows it'],
  },
  {
    name: 'late index: the reader does not look what the writer has added',
    breaks: 'what is answered is found',
    edits: [['src/stores/sqlite/commands.ts', '      formulas.index.catchUp()\n', '']],
    caughtBy: [
      'test/stores/sqlite.test.ts',
      'sqlite formula db: formulas',
      'a formula is found as soon as it is stored, whatever was looked up before',
    ],
  },
  {
    name: 'late index: answers that are left are taken out with those that have gone',
    breaks: 'a key lives as long as it is told to',
    edits: [['src/stores/sqlite/answer-table.ts', 'prefix <= ? AND seq < ?', 'prefix <= ? AND seq < ? + 9']],
    caughtBy: [LATE_TEST, 'the index of answers is rid of those that were swept, once as many have gone as are left'],
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
    caughtBy: [RECENT_TEST, 'whatever differs is not answered from memory'],
  },
  {
    name: 'recent answers: they outlive those that are kept',
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
