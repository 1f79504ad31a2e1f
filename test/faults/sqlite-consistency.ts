import type { DatabaseSync } from 'node:sqlite'

const STATES = ['leased', 'delayed', 'returned', 'redriven', 'dead']

/** Finds contradictions between the tables of a file; none in a sound one. */
export function inconsistenciesIn(db: DatabaseSync): string[] {
  const one = (sql: string, ...values: (string | number)[]): number =>
    Number(Object.values(db.prepare(sql).get(...values) ?? {})[0])
  const problems: string[] = []
  const check = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(problem)
  }
  check(one('SELECT count(*) FROM formulas') === one('SELECT count(DISTINCT fingerprint) FROM formulas'), 'twins')
  const events = one('SELECT count(*) FROM events')
  check(events === one('SELECT ifnull(max(position) - min(position) + 1, 0) FROM events'), 'the log has gaps')
  const head = one('SELECT max(position, (SELECT ifnull(max(position), 0) FROM events)) FROM numbers')
  for (const subscription of db.prepare('SELECT * FROM subscriptions').all()) {
    const { id, name, position } = subscription as { id: number; name: string; position: number }
    check(position <= head, `${name} is at ${position}, ahead of ${head}`)
    for (const state of STATES) {
      const there = one('SELECT count(*) FROM deliveries WHERE subscription = ? AND state = ?', id, state)
      check(there === subscription[state], `${name} has ${there} ${state}, counted ${subscription[state]}`)
    }
  }
  const without = `SELECT count(*) FROM deliveries WHERE fingerprint IS NULL
    AND position NOT IN (SELECT position FROM events WHERE fingerprint IS NOT NULL)`
  check(one(without) === 0, 'deliveries without events')
  const strays = 'SELECT count(*) FROM deliveries WHERE subscription NOT IN (SELECT id FROM subscriptions)'
  check(one(strays) === 0, 'deliveries without subscriptions')
  return problems
}
