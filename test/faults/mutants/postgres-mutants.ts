import type { Mutant } from './mutant.ts'

const INTAKE = 'src/stores/postgres/intake.ts'
const FUNCTIONS = 'src/stores/postgres/functions.ts'
const LEASES = 'src/stores/postgres/lease-functions.ts'
const SAGA = 'src/stores/postgres/saga.ts'
const EVENTS = 'src/stores/postgres/event-queue.ts'
const TEST = 'test/stores/postgres.test.ts'

/** Bugs in the PostgreSQL engine that its contract finds. */
export const postgresMutants: Mutant[] = [
  {
    name: 'postgres: an answer that is looked up is taken for expired',
    breaks: 'a key is replayed for as long as it lives',
    edits: [
      [
        'src/stores/postgres/lookup.ts',
        'WHERE slot = ANY ($2::uuid[]) AND attempt IS NULL AND expires_at <=',
        'WHERE slot = ANY ($2::uuid[]) AND attempt IS NULL AND 0 <=',
      ],
    ],
    caughtBy: [
      TEST,
      'postgres intake: repetition',
      'a later submission of the key gets the first answer, a 409 as well as a 200',
    ],
  },
  {
    name: 'postgres: formulas are numbered in the order of their fingerprints',
    breaks: 'the list goes by order of acceptance',
    edits: [
      [
        FUNCTIONS,
        "SELECT decode(id, 'hex') AS fingerprint, seq,",
        "SELECT decode(id, 'hex') AS fingerprint, seqs[(row_number() OVER (ORDER BY id))::integer],",
      ],
    ],
    caughtBy: [TEST, 'postgres intake: acceptance', 'a long list keeps its order, in the list and in the queue'],
  },
  {
    name: 'postgres: events of a saga are published at once',
    breaks: 'nobody sees the event of a pending formula',
    edits: [[FUNCTIONS, 'member <> ALL (refused) AND attempts[member] IS NULL;', 'member <> ALL (refused);']],
    caughtBy: [TEST, 'postgres: a saga adds no event to the queue of its own database'],
  },
  {
    name: 'postgres: a submission that was given up is accepted',
    breaks: 'nothing refused leaves a trace',
    edits: [
      [
        INTAKE,
        '    const isVoid = attempt === null && this.#givenUp.has(submission.id)\n',
        '    const isVoid = false\n',
      ],
    ],
    caughtBy: [TEST, 'postgres: a submission given up while it waits in line is not stored'],
  },
  {
    name: 'postgres: the formulas of an attempt stay when it is removed',
    breaks: 'a rollback leaves nothing',
    edits: [
      [
        SAGA,
        'DELETE FROM formula_intake.formulas WHERE attempt IN (SELECT id FROM gone)',
        'DELETE FROM formula_intake.formulas WHERE attempt IN (SELECT id FROM gone WHERE false)',
      ],
    ],
    caughtBy: [
      TEST,
      'postgres formula db: abandoning',
      'once removed, key and composition are free for another attempt of the same submission',
    ],
  },
  {
    name: 'postgres: a lease that has ended is acknowledged',
    breaks: 'leases are fenced',
    classic: 'lease without fencing',
    edits: [[LEASES, 'd.nonce = r.nonce\n  AND d.rank > now_ms', 'd.nonce = r.nonce']],
    caughtBy: [TEST, 'postgres event queue: receipts', 'after the end of a lease its receipt is refused'],
  },
  {
    name: 'postgres: an attempt that was removed is held when it arrives late',
    breaks: 'a publish that arrives late is refused',
    edits: [
      [
        EVENTS,
        'DO UPDATE SET state = mark.state RETURNING state',
        'DO UPDATE SET state = excluded.state RETURNING state',
      ],
    ],
    caughtBy: [TEST, 'postgres event queue: tombstones', 'a publish that arrives after its removal is refused'],
  },
  {
    name: 'postgres: a dead letter forgets the text of its event',
    breaks: 'a dead letter says what its event did',
    edits: [[LEASES, 'body = coalesce(d.body, e.body)`', 'body = d.body`']],
    caughtBy: [
      TEST,
      'postgres event queue: bodies',
      'a dead letter has the same text, nacked or expired, and so does the event when it is redriven',
    ],
  },
]
