import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Plan } from './enumerate.ts'

/** How a statement goes wrong: it has no effect and fails; it has its effect and fails; the process dies around it. */
export const STATEMENT_FAULTS = ['before', 'after', 'death before', 'death after'] as const
export type StatementFault = (typeof STATEMENT_FAULTS)[number]

/** Stands between the engine's commands and SQLite, and lets planned statements go wrong. */
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
