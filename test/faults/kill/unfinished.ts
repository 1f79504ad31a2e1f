/** How many sagas a kill has left behind which step. */
export interface Unfinished {
  /** Intent and pending formulas, no events yet. */
  prepared: number
  /** Events held as well, not complete. */
  published: number
  /** Complete, events not released. */
  completed: number
  /** Events released, intent not forgotten. */
  released: number
  /** A rollback that has begun. */
  rollingBack: number
}

export const NONE: Unfinished = { prepared: 0, published: 0, completed: 0, released: 0, rollingBack: 0 }

/**
 * @param intents attempts that are not finished, with their state in the database
 * @param marks the state of attempts in the queue
 */
export function countUnfinished(intents: [string, string][], marks: Map<string, string>): Unfinished {
  const counts = { ...NONE }
  for (const [id, state] of intents) {
    if (state === 'rolling-back') counts.rollingBack++
    else if (state === 'pending') counts[marks.has(id) ? 'published' : 'prepared']++
    else counts[marks.get(id) === 'released' ? 'released' : 'completed']++
  }
  return counts
}

export const sumOf = (counts: Unfinished): number => Object.values(counts).reduce((sum, count) => sum + count, 0)

export function add(to: Unfinished, counts: Unfinished): void {
  for (const step of Object.keys(to) as (keyof Unfinished)[]) to[step] += counts[step]
}
