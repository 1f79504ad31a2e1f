import type { Mutant } from './mutant.ts'

const BATCHES = 'src/stores/sqlite/batches.ts'
const FILE = 'src/stores/sqlite/durability/file.ts'
const FILES = 'test/stores/file.test.ts'
const LOCKS = 'test/stores/file-locks.test.ts'
const STATEMENTS = 'test/faults/calls/statements.test.ts'
const REMOTE = 'test/stores/remote.test.ts'

/** Bugs in group commit, worker threads, and in how files are opened. */
export const diskMutants: Mutant[] = [
  {
    name: 'batch: counters are not loaded anew after a rollback',
    breaks: 'what was rolled back is not counted',
    edits: [[BATCHES, '    this.#options.reload?.()\n', '']],
    caughtBy: [REMOTE, 'a call that fails in a batch does not affect the others'],
  },
  {
    name: 'batch: counters are not written with what they count',
    breaks: 'the figures outlive the process',
    edits: [[BATCHES, '      this.#options.flush?.()\n', '']],
    caughtBy: [REMOTE, 'a worker that dies fails its pending calls, and is restarted for the next one'],
  },
  {
    name: 'batch: one failing member spoils its neighbours',
    breaks: 'a call that fails in a batch does not affect the others',
    edits: [[BATCHES, 'if (inDoubt || calls.length === 1) return', 'if (calls.length > 0) return']],
    caughtBy: [REMOTE, 'a call that fails in a batch does not affect the others'],
  },
  {
    name: 'batch: what failed is committed rather than rolled back',
    breaks: 'a call that fails leaves nothing',
    edits: [[BATCHES, "this.#db.exec('ROLLBACK')", "this.#db.exec('COMMIT')"]],
    caughtBy: [STATEMENTS, 'a list: whatever statement goes wrong, each call is done in whole or not at all'],
  },
  {
    name: 'batch: calls are run again though their commit is in doubt',
    breaks: 'what may have taken effect is not run twice',
    edits: [[BATCHES, 'if (inDoubt || calls.length === 1)', 'if (calls.length === 1)']],
    caughtBy: [
      STATEMENTS,
      'a lease and an ack: whatever statement goes wrong, each call is done in whole or not at all',
    ],
  },
  {
    name: 'batch: a call that nobody waits for any more is begun',
    breaks: 'what is answered 503 takes no effect later',
    edits: [[BATCHES, 'Date.now() > startBy', 'Date.now() > startBy + 60_000']],
    caughtBy: [REMOTE, 'a call past its deadline is not begun, unlike the others of its batch'],
  },
  {
    name: 'worker: calls of a worker that died are never answered',
    breaks: 'a worker thread that dies fails its calls',
    edits: [
      ['src/stores/sqlite/worker-client.ts', '        for (const batch of this.#inFlight) batch.reject(error)\n', ''],
    ],
    caughtBy: [REMOTE, 'a worker that dies fails its pending calls, and is restarted for the next one'],
  },
  {
    name: 'file: commits are synced now and then',
    breaks: 'an answer of 200 means it is on disk',
    edits: [[FILE, 'PRAGMA synchronous = FULL', 'PRAGMA synchronous = NORMAL']],
    // The power cuts show it too, but not every time: it takes a cut between a commit and the next checkpoint.
    caughtBy: [FILES, 'every commit is synced to disk'],
  },
  {
    name: 'file: commits are never synced',
    breaks: 'an answer of 200 outlasts a power cut',
    edits: [[FILE, 'PRAGMA synchronous = FULL', 'PRAGMA synchronous = OFF']],
    caughtBy: [
      'test/faults/power/power-cut.test.ts',
      'one transaction: a power cut at any moment loses nothing that was answered',
    ],
  },
  {
    name: 'file: a damaged database is replaced by a new one',
    breaks: 'a damaged file is refused and left as it is',
    edits: [
      [FILE, 'import { DatabaseSync }', "import { rmSync } from 'node:fs'\nimport { DatabaseSync }"],
      [FILE, 'code === SQLITE_CORRUPT) {', 'code === SQLITE_CORRUPT) {\n      rmSync(path)\n      return open()'],
    ],
    caughtBy: [FILES, 'a file of a newer version, of another program, or that is no database is refused untouched'],
  },
  {
    name: "file: another program's database is taken over",
    breaks: "another program's file is refused and left as it is",
    edits: [['src/stores/sqlite/durability/integrity.ts', '(tables.count > 0 || origin !== 0)', 'origin !== 0']],
    caughtBy: [FILES, 'a file of a newer version, of another program, or that is no database is refused untouched'],
  },
  {
    name: 'file: a partial checkpoint opens and closes it, which drops its lock',
    breaks: 'nobody else takes the file, or deletes its log, while it is served',
    edits: [['src/stores/sqlite/durability/disk.ts', 'fsyncSync(openDatabase(path))', 'sync(path)']],
    caughtBy: [LOCKS, 'a partial checkpoint leaves the file locked'],
  },
  {
    name: 'file: a writer that dies drops the lock of the reader',
    breaks: 'nobody else takes the file, or deletes its log, while it is served',
    edits: [['src/stores/sqlite/worker-client.ts', 'trackUnmanagedFds: false', 'trackUnmanagedFds: true']],
    caughtBy: [LOCKS, 'a writer that dies leaves the file locked for the reader, and so does its restart'],
  },
  {
    name: 'file: it is not locked',
    breaks: 'only one process uses a file',
    edits: [[FILE, "lock.exec('BEGIN EXCLUSIVE')", "lock.exec('BEGIN')"]],
    caughtBy: [FILES, 'a file can be locked only once at a time'],
  },
  {
    name: 'start: a changed queue is taken though the old one holds events',
    breaks: 'no event is left in a queue that nobody reads',
    edits: [['src/stores/open.ts', 'if (left > 0) throw', 'if (left > 1_000_000) throw']],
    caughtBy: [
      'test/stores/open.test.ts',
      'another queue is refused while the old one holds events or cannot be found',
    ],
  },
]
