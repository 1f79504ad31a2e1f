import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { FormulaEvent } from '../../../src/stores/ports.ts'
import { Batches } from '../../../src/stores/sqlite/batches.ts'
import { writeCommands } from '../../../src/stores/sqlite/commands.ts'
import { openForWriting } from '../../../src/stores/sqlite/durability/file.ts'
import { type Call, type CallResult, pack } from '../../../src/stores/sqlite/messages.ts'
import { DEFAULT } from '../../contract/leasing.ts'
import { eventBody, formula, idOf, submission, submissionId } from '../../contract/submissions.ts'
import type { Plan } from './every-fault.ts'

const OPTIONS = { answerTtlMs: 60_000, maxReceives: 2 }
export const NOW = Date.UTC(2026, 0, 31, 12)
const LEASE_MS = 30_000

/** A call without a deadline. */
export const callAt = (now: number, command: string, ...args: unknown[]): Call => [command, now, args, Infinity]
export const call = (command: string, ...args: unknown[]): Call => callAt(NOW, command, ...args)

/** A connection of the writer thread. */
export interface Writer {
  /** Without faults. */
  db: DatabaseSync
  batches: Batches
}

export function openWriter(path: string, layer?: StatementLayer): Writer {
  const db = openForWriting(path)
  const used = layer?.wrap(db) ?? db
  return { db, batches: new Batches(used, { ...writeCommands(used, OPTIONS), begin: 'BEGIN IMMEDIATE' }) }
}

/** Creates a file with rows in every table. @returns receipts of two live leases; the first is its event's last lease */
export function makeFile(path: string): [spent: string, fresh: string] {
  const { db, batches } = openWriter(path)
  const run = <T>(...of: Parameters<typeof call>): T => outcomeOf<T>(batches.run([call(...of)])[0])
  const receive = (max: number): string[] =>
    run<{ events: { receipt: string }[] }>('receive', DEFAULT, max, LEASE_MS).events.map(({ receipt }) => receipt)
  const stored = ['1', '2', '3', '4', '5', '6', '7'].map((number) => formula(number, number))
  run('accept', pack(submission(stored, { id: submissionId(1), key: 'stored' })))
  run('nack', receive(3), 0)
  const [dead, spent = ''] = receive(3)
  run('nack', [dead], 0)
  const [fresh = '', delayed] = receive(2)
  run('nack', [delayed], 5_000)
  for (const [attempt, number] of [
    ['pending.1', '8'],
    ['completed.1', '9'],
    ['rolling-back.1', '10'],
  ] as const) {
    run(
      'add',
      attempt,
      pack(submission([formula(attempt, number)], { id: submissionId(Number(number)), key: attempt })),
    )
    run('publish', attempt, [heldEvent(attempt)])
  }
  run('complete', 'completed.1')
  run('abandon', 'rolling-back.1', 'It failed')
  run('release', 'released.1', [heldEvent('released.1')])
  run('giveUp', 'given up')
  run('subscribe', 'other', 'start')
  const [done] = run<{ events: { receipt: string }[] }>('receive', 'other', 1, LEASE_MS).events
  run('ack', [done?.receipt])
  db.close()
  return [spent, fresh]
}

export const heldEvent = (attempt: string): FormulaEvent => ({
  id: idOf(attempt),
  seq: 1_000,
  createdAt: NOW,
  body: eventBody(attempt),
})

function outcomeOf<T>(result: CallResult | undefined): T {
  if (result === undefined || !('value' in result)) throw new Error(`not done: ${JSON.stringify(result)}`)
  return result.value as T
}

/** The content of a file as text, without random values. */
export function contentsOf(db: DatabaseSync): string {
  const tables = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`).all()
  const rows = tables.map(({ name }) =>
    db
      .prepare(`SELECT * FROM "${name}" ORDER BY 1, 2`)
      .all()
      .map(({ nonce, store_id, ...row }) => row),
  )
  return JSON.stringify(rows)
}

/** How a statement fails: before or after its effect; because the process dies before or after its effect. */
export const STATEMENT_FAULTS = ['before', 'after', 'death before', 'death after'] as const
export type StatementFault = (typeof STATEMENT_FAULTS)[number]

/** Lets planned statements between the engine's commands and SQLite fail. */
export class StatementLayer {
  readonly #plan: Plan<StatementFault>
  #statements = 0
  #armed = false
  dead = false
  injected = 0

  constructor(plan: Plan<StatementFault>) {
    this.#plan = plan
  }

  arm(): void {
    this.#armed = true
  }

  mend(): void {
    this.#armed = false
  }

  wrap(db: DatabaseSync): DatabaseSync {
    return standIn(db, {
      exec: (sql: string) => this.#execute(() => db.exec(sql)),
      prepare: (sql: string) => this.#statement(db.prepare(sql)),
    })
  }

  #statement(statement: StatementSync): StatementSync {
    type Values = Parameters<StatementSync['run']>
    return standIn(statement, {
      run: (...values: Values) => this.#execute(() => statement.run(...values)),
      get: (...values: Values) => this.#execute(() => statement.get(...values)),
      all: (...values: Values) => this.#execute(() => statement.all(...values)),
    })
  }

  #execute<T>(effect: () => T): T {
    if (this.dead) throw new Error('The process is dead')
    const { first, times, fault } = this.#plan
    if (!this.#armed) return effect()
    const number = ++this.#statements
    if (number < first || number >= first + times) return effect()
    this.injected++
    if (fault === 'after' || fault === 'death after') effect()
    this.dead = fault.startsWith('death')
    throw new Error(`statement ${number} failed`)
  }
}

/** A native object with some of its methods replaced. */
function standIn<T extends object>(target: T, methods: Record<string, unknown>): T {
  return new Proxy(target, {
    get(_, name) {
      const own = methods[name as string]
      if (own !== undefined) return own
      const value = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
