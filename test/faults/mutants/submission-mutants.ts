import type { Mutant } from './mutant.ts'

const ORCHESTRATOR = 'src/submission/orchestrator.ts'
const COMMIT = 'src/submission/commit-strategy.ts'
const ATOMICITY = 'test/submission/atomicity.test.ts'
const CLEANUP = 'test/submission/cleanup.test.ts'
const KEYS = 'test/submission/keys.test.ts'
const CALLS = 'test/faults/calls/submission.test.ts'

/** Bugs in how a submission is run, tried again and rolled back. */
export const submissionMutants: Mutant[] = [
  {
    name: 'saga: events are released before the commit point',
    breaks: 'no consumer hears of a formula that is not stored',
    classic: 'event without formula, or formula without event',
    edits: [
      [
        COMMIT,
        '      const decision = published ?',
        '      await deadline.bound(this.#queue.release(id, verdict.events))\n      const decision = published ?',
      ],
    ],
    caughtBy: [CALLS, 'memory, saga, one formula: whatever call goes wrong, it is stored once or not at all'],
  },
  {
    name: 'saga: an attempt is finished although its events could not be released',
    breaks: 'a stored formula has its event in the end',
    classic: 'event without formula, or formula without event',
    edits: [
      [
        COMMIT,
        'release(id, decision.events))\n      this.#db.finish(id).catch(deferred)\n    } catch (error) {',
        'release(id, decision.events))\n    } catch (error) {\n      this.#db.finish(id).catch(deferred)',
      ],
    ],
    caughtBy: [CLEANUP, 'saga: after the commit point it only goes forward: events are released later'],
  },
  {
    name: 'saga: a refused publish is treated as accepted',
    breaks: 'a stored formula has its event',
    classic: 'event without formula, or formula without event',
    edits: [
      [
        COMMIT,
        'published ? await deadline.bound(this.#db.complete(id)) : ABANDONED',
        'await deadline.bound(this.#db.complete(id))',
      ],
    ],
    caughtBy: [ATOMICITY, 'saga: an attempt that another process rolled back is retried as a new attempt'],
  },
  {
    name: 'saga: a commit whose reply was lost is compensated all the same',
    breaks: 'after the commit point it only goes forward',
    classic: 'event without formula, or formula without event',
    edits: [
      [
        COMMIT,
        "if (decision.kind === 'completed') {\n      this.#unsettled",
        'if (Math.random() > 1) {\n      this.#unsettled',
      ],
    ],
    caughtBy: [ATOMICITY, 'saga: a commit point that fails once (after its effect) is looked up, never run twice'],
  },
  {
    name: 'saga: the rollback begins with the database',
    breaks: 'a rollback that is interrupted stays known until the queue is rolled back too',
    classic: 'lost cleanup',
    edits: [
      [
        COMMIT,
        'await deadline.bound(this.#queue.remove(id))\n    await deadline.bound(this.#db.remove(id))',
        'await deadline.bound(this.#db.remove(id))\n    await deadline.bound(this.#queue.remove(id))',
      ],
    ],
    caughtBy: [CLEANUP, 'a rollback that fails half-way stays in the database until the queue is rolled back'],
  },
  {
    name: 'saga: a pending rollback is never finished',
    breaks: 'what a crash has interrupted is rolled back',
    classic: 'lost cleanup',
    edits: [
      [
        COMMIT,
        '      await this.#queue.remove(id)\n      await this.#db.remove(id)\n',
        '      // left to somebody else\n',
      ],
    ],
    caughtBy: [CLEANUP, 'start-up rolls back what a crash has interrupted before the commit point'],
  },
  {
    name: 'saga: the events of a completed attempt are not released after a crash',
    breaks: 'what a crash has interrupted after the commit point is finished',
    classic: 'event without formula, or formula without event',
    edits: [[COMMIT, '      await this.#queue.release(id, decision.events)\n', '']],
    caughtBy: [CLEANUP, 'start-up releases what a crash has interrupted after the commit point'],
  },
  {
    name: 'an interrupted rollback is forgotten',
    breaks: 'a rollback that is interrupted becomes a cleanup',
    classic: 'lost cleanup',
    edits: [
      [
        ORCHESTRATOR,
        'holder.rollbackPending = true\n      this.#pending.add(submission, reasonOf(error), (answer) => this.#end(holder, answer))',
        'this.#release(holder, null)',
      ],
    ],
    caughtBy: [
      CLEANUP,
      'one transaction: a rollback that no store could record is kept by the process, listed and finished',
    ],
  },
  {
    name: 'submissions whose rollbacks are owed count no longer',
    breaks: 'what callers can make one process hold is bounded, also while a store is away',
    edits: [[ORCHESTRATOR, 'this.#load.submissions + submissions,', 'this.#load.submissions,']],
    caughtBy: [
      'test/http/overload.test.ts',
      'submissions whose rollbacks are owed stay under way, until a store that was away is back',
    ],
  },
  {
    name: 'a store that is away is asked for every rollback that is owed',
    breaks: 'an outage ends in a few calls at a time',
    edits: [['src/submission/pending-rollbacks.ts', '      if (!settled.includes(true)) break\n', '']],
    caughtBy: [
      'test/submission/owed-rollbacks.test.ts',
      'one transaction: however many rollbacks are owed, a store that is away is asked for one at a time',
    ],
  },
  {
    name: 'start-up adopts no orphans',
    breaks: 'no key and no composition stays taken by a process that died',
    classic: 'lost cleanup',
    edits: [
      ['src/submission/recovery-worker.ts', '      await this.#bound(this.#stores.cleanups.adoptOrphans())\n', ''],
    ],
    caughtBy: [CLEANUP, 'start-up rolls back what a crash has interrupted before the commit point'],
  },
  {
    name: 'the key stays taken after a submission that failed',
    breaks: 'after a 503 the key is free again',
    classic: 'key not released after a failed submission',
    edits: [
      [
        ORCHESTRATOR,
        '      this.#end(holder, answer)\n      return answer === null',
        '      if (answer !== null) this.#end(holder, answer)\n      return answer === null',
      ],
    ],
    caughtBy: [ATOMICITY, 'one transaction: a submission whose every attempt fails leaves nothing'],
  },
  {
    name: 'one transaction: what failed may still take effect after its 503',
    breaks: 'what was refused leaves no trace, however late a call arrives',
    edits: [[COMMIT, '    await deadline.bound(this.#intake.giveUp(submission.id))\n', '']],
    caughtBy: [
      CALLS,
      'memory, one transaction, one formula: whatever call goes wrong, it is stored once or not at all',
    ],
  },
  {
    name: 'one transaction: the store is not told how long anybody waits for it',
    breaks: 'a call that nobody waits for any more is not begun',
    edits: [[COMMIT, 'accept(submission, deadline.at)', 'accept(submission)']],
    caughtBy: [ATOMICITY, 'one transaction: the store gets the time after which nobody waits for the call'],
  },
  {
    name: 'many runs of one key at a time',
    breaks: 'a submission that is still running is waited for',
    edits: [[ORCHESTRATOR, 'if (holder === undefined && request.refusal === undefined) return', 'return']],
    caughtBy: [KEYS, 'of many submissions with one key exactly one runs, and all others replay it'],
  },
  {
    name: 'another payload waits for the key that runs',
    breaks: 'a reused key is refused at once',
    edits: [[ORCHESTRATOR, 'if (holder.payload !== payload && !holder.rollbackPending)', "if (holder.payload === '')"]],
    caughtBy: [KEYS, 'a second payload under a running key is refused at once'],
  },
  {
    name: 'running submissions are looked up without the caller',
    breaks: 'a key belongs to its caller',
    edits: [
      [
        'src/submission/submission.ts',
        '({ caller, key }: { caller: string; key: string }): string =>',
        '({ caller, key }: { caller: string; key: string }): string => key ||',
      ],
    ],
    caughtBy: [KEYS, 'two callers may use the same key, also at the same time'],
  },
  {
    name: 'a conflict is tried again',
    breaks: 'conflicts are never retried',
    edits: [
      [
        ORCHESTRATOR,
        "if (result.kind === 'answered') {",
        "if (result.kind === 'answered' && (result.answer.status === 200 || failures > 0)) {",
      ],
    ],
    caughtBy: [ATOMICITY, 'one transaction: a conflict is never retried'],
  },
  {
    name: 'the deadline bounds each try, not all of them',
    breaks: 'a deadline bounds it all',
    edits: [
      [ORCHESTRATOR, 'deadline.left > 0; attempt++', 'true; attempt++'],
      [
        ORCHESTRATOR,
        'attemptOnce(submission, attempt, deadline)\n      if',
        'attemptOnce(submission, attempt, new Deadline(clock, deadlineMs))\n      if',
      ],
    ],
    caughtBy: [ATOMICITY, 'one transaction: a store that never answers is given up at the deadline'],
  },
  {
    name: 'old marks are swept though their attempt is not finished',
    breaks: 'a release that is repeated publishes nothing twice',
    classic: 'double publish on ambiguous commit',
    edits: [
      [
        'src/submission/recovery-worker.ts',
        'Math.min(this.#options.clock.now() - TOMBSTONE_TTL_MS, oldest)',
        'this.#options.clock.now() - TOMBSTONE_TTL_MS',
      ],
    ],
    caughtBy: [CLEANUP, 'thousands of old marks are swept within seconds, but not those of unfinished submissions'],
  },
  {
    name: 'closing does not wait for the submissions that run',
    breaks: 'a submission that runs goes on to its end before the stores close',
    edits: [[ORCHESTRATOR, 'Promise.all([this.#idle.promise, ', 'Promise.all([']],
    caughtBy: [KEYS, 'closing waits for an attempt that its store has not answered yet'],
  },
]
