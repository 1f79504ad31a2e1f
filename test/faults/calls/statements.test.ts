import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Call, type CallResult, pack } from '../../../src/stores/sqlite/messages.ts'
import { DEFAULT } from '../../contract/leasing.ts'
import { formula, idOf, submission, submissionId } from '../../contract/submissions.ts'
import { sized } from '../extent.ts'
import { inconsistenciesIn } from '../sqlite-consistency.ts'
import { scratch } from '../stores.ts'
import { Checks, EVERY_NUMBER, everyFault, type Plan, type Report } from './every-fault.ts'
import {
  call,
  callAt,
  contentsOf,
  heldEvent,
  makeFile,
  NOW,
  openWriter,
  STATEMENT_FAULTS,
  type StatementFault,
  StatementLayer,
} from './sqlite-file.ts'

const accept = (id: string, numbers: string[], own = {}): Call =>
  call(
    'accept',
    pack(
      submission(
        numbers.map((number) => formula(number, number)),
        { id, key: id, ...own },
      ),
    ),
  )

/** What travels to the writing thread as one batch. */
const BATCHES: Record<string, (receipts: [spent: string, fresh: string]) => Call[]> = {
  'a submission': () => [accept('a', ['20'])],
  'a list': () => [accept('a', ['20', '21', '22'])],
  'a list with a duplicate skipped': () => [accept('a', ['1', '20'], { onDuplicate: 'skip' })],
  'submissions, one a duplicate': () => [accept('a', ['20']), accept('b', ['1']), accept('c', ['21'])],
  'a submission and an ack': ([spent, fresh]) => [accept('a', ['20']), call('ack', [spent, fresh])],
  'a lease and an ack': ([spent]) => [call('receive', DEFAULT, 2, 1_000), call('ack', [spent])],
  'two that are given back, one for good': ([spent, fresh]) => [
    call('nack', [spent], 0, 'no use'),
    call('nack', [fresh], 0),
  ],
  'one given back with a delay': ([, fresh]) => [call('nack', [fresh], 1_000)],
  'two that are put back': ([spent, fresh]) => [call('putBack', [spent]), call('putBack', [fresh])],
  'leases that an operator ends': () => [
    call('endLeases', DEFAULT, [idOf('unknown'), formula('2', '2').id, formula('4', '4').id]),
  ],
  'an extended lease': ([, fresh]) => [call('extend', [fresh], 1_000)],
  'leases and delays that end': () => [callAt(NOW + 60_000, 'stats', DEFAULT)],
  'all dead letters sent back': () => [call('redrive', DEFAULT)],
  'one dead letter sent back': () => [call('redrive', DEFAULT, [idOf('unknown'), formula('1', '1').id])],
  'a dead letter removed': () => [call('removeDead', DEFAULT, formula('1', '1').id)],
  'two subscriptions, one new, and a lease': () => [
    call('subscribe', 'new', NOW),
    call('receive', 'other', 2, 1_000),
    call('unsubscribe', 'other'),
  ],
  'a subscription moved, another paused': () => [call('seek', DEFAULT, 'start'), call('pause', 'other', true)],
  'a subscription moved to its end': () => [call('seek', DEFAULT, 'end')],
  'the front of the log trimmed': ([, fresh]) => [call('ack', [fresh]), callAt(NOW + 60_000, 'trim', NOW + 60_000, 2)],
  'events erased': () => [
    call('eraseEvent', formula('1', '1').id, 1),
    call('eraseEvent', formula('4', '4').id, 4),
    call('eraseEvent', formula('7', '7').id, 7),
  ],
  'formulas erased, the newest among them': () => [
    call('eraseFormula', formula('2', '2').id),
    call('eraseFormula', formula('completed.1', '9').id),
  ],
  'an erasure begun and another joined': () => [
    call('startErasure', 'erasure', formula('completed.1', '9').id),
    call('startErasure', 'other', formula('completed.1', '9').id),
  ],
  'an erasure begun and finished': () => [
    call('startErasure', 'erasure', formula('2', '2').id),
    call('finish', 'erasure'),
  ],
  'the first step of a saga': () => [
    call('add', 'new.1', pack(submission([formula('20', '20')], { id: submissionId(20), key: 'new' }))),
  ],
  'events held': () => [call('publish', 'new.1', [heldEvent('new.1')])],
  'the commit point of a saga': () => [call('complete', 'pending.1')],
  'events released': () => [call('release', 'completed.1', [heldEvent('completed.1')])],
  'a saga finished': () => [call('finish', 'completed.1')],
  'the decision to roll back': () => [
    call('abandon', 'pending.1', 'It failed'),
    call('abandon', 'unknown.1', 'It failed'),
  ],
  'events removed': () => [call('removeEvents', 'rolling-back.1')],
  'a saga rolled back': () => [call('remove', 'rolling-back.1')],
  'a submission given up': () => [call('giveUp', 'a')],
  'start-up': () => [call('adoptOrphans')],
  'a cleanup put off, another tried at once': () => [
    call('postpone', 'rolling-back.1', 'It failed again', NOW + 1_000),
    call('retryCleanup', 'rolling-back.1'),
  ],
  'what has expired swept': () => [
    callAt(NOW + 120_000, 'sweepAnswers', 10),
    callAt(NOW + 120_000, 'sweepMarks', NOW + 120_000, 10),
  ],
}

/** A file that many runs begin with. */
class Original {
  readonly #path: string
  readonly #copy: string
  readonly receipts: [string, string]

  constructor(folder: string) {
    this.#path = join(folder, 'original.db')
    this.#copy = join(folder, 'copy.db')
    this.receipts = makeFile(this.#path)
  }

  /** @returns the path of a copy that takes the place of the last one */
  copy(): string {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${this.#copy}${suffix}`, { force: true })
    copyFileSync(this.#path, this.#copy)
    return this.#copy
  }

  /** What a copy holds once these calls have been made one by one. */
  after(calls: Call[]): string {
    const { db, batches } = openWriter(this.copy())
    for (const each of calls) batches.run([each])
    const contents = contentsOf(db)
    db.close()
    return contents
  }
}

/** Every choice of some of the calls, in their order. */
const subsets = (calls: Call[]): Call[][] =>
  calls.reduce<Call[][]>((all, each) => all.flatMap((some) => [some, [...some, each]]), [[]])

function run(original: Original, calls: Call[], allowed: Map<string, Set<Call>>, plan: Plan<StatementFault>): Report {
  const layer = new StatementLayer(plan)
  const path = original.copy()
  let { db, batches } = openWriter(path, layer)
  layer.arm()
  let results: CallResult[] | null = null
  try {
    results = batches.run(calls)
  } catch {
    // The thread ends, and its calls fail with unknown outcome.
  }
  layer.mend()
  if (layer.dead) results = null
  if (results === null) {
    db.close()
    ;({ db, batches } = openWriter(path))
  }
  const checks = new Checks()
  const done = allowed.get(contentsOf(db))
  checks.check(done !== undefined, 'each call is done in whole or not at all, and once')
  calls.forEach((each, index) => {
    const result = results?.[index]
    const answered = result !== undefined && 'value' in result
    checks.check(!answered || done?.has(each) === true, `what was answered is done: ${JSON.stringify(result)}`)
  })
  const again = batches.run(calls)
  checks.check(!again.some((result) => 'error' in result), `it works again: ${JSON.stringify(again)}`)
  for (const unsound of inconsistenciesIn(db)) checks.check(false, unsound)
  const before = contentsOf(db)
  db.close()
  const reopened = openWriter(path)
  checks.check(contentsOf(reopened.db) === before, 'what it shows is on disk')
  reopened.db.close()
  return { injected: layer.injected, violations: checks.violations }
}

for (const [name, callsWith] of Object.entries(BATCHES)) {
  t.test(`${name}: whatever statement goes wrong, each call is done in whole or not at all`, async (t) => {
    const original = new Original(scratch(t))
    const calls = callsWith(original.receipts)
    const allowed = new Map(subsets(calls).map((some) => [original.after(some), new Set(some)]))
    t.ok(allowed.size > 1, 'the calls do something')
    const extent = { faults: STATEMENT_FAULTS, times: sized(1, EVERY_NUMBER.length) === 1 ? [1] : EVERY_NUMBER }
    await everyFault(t, extent, async (plan) => run(original, calls, allowed, plan))
  })
}
