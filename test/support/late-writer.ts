import type { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import type { Verdict } from '../../src/stores/ports.ts'
import { Batches } from '../../src/stores/sqlite/batches.ts'
import { writeCommands } from '../../src/stores/sqlite/commands.ts'
import { openForWriting } from '../../src/stores/sqlite/durability/file.ts'
import { type Call, pack, unpackVerdict } from '../../src/stores/sqlite/messages.ts'
import { formula, submission } from '../contract/submissions.ts'

/** How long its answers are kept, in milliseconds. */
export const TTL_MS = 60_000

/** A writer that indexes a slice only when the test calls `slice`. */
export function openWriter(t: Test, path: string, answerTtlMs = TTL_MS) {
  const db = openForWriting(path)
  t.teardown(() => db.isOpen && db.close())
  const scans = countScans(db)
  const { chores, ...commands } = writeCommands(db, { answerTtlMs, maxReceives: 5 })
  const batches = new Batches(db, { ...commands, begin: 'BEGIN IMMEDIATE' })
  const call = (now: number, command: string, ...args: unknown[]): Call => [command, now, args, Infinity]
  const run = <T>(now: number, command: string, ...args: unknown[]): T => {
    const [result] = batches.run([call(now, command, ...args)])
    if (result === undefined || !('value' in result)) throw new Error(JSON.stringify(result))
    return result.value as T
  }
  /** Submits the formula with this number under the key with that number. @returns the status of the answer */
  const submit = (number: number, key = number, now = 0): number | string => {
    const one = submission([formula(`Name ${number}`, String(number))], { key: `key-${key}` })
    const verdict = unpackVerdict(run<Verdict>(now, 'accept', pack(one)), one)
    return verdict.kind === 'answered' ? verdict.answer.status : verdict.kind
  }
  /** Submits formulas 1 to `howMany` in one batch. */
  const fill = (howMany: number): void => {
    const all = Array.from({ length: howMany }, (_, index) => {
      const one = submission([formula(`Name ${index + 1}`, String(index + 1))], { key: `key-${index + 1}` })
      return call(0, 'accept', pack(one))
    })
    batches.run(all)
  }
  const slice = (): boolean => {
    const chore = chores.find(({ backlog }) => backlog > 0)
    return chore !== undefined && (chore.doSlice() || true)
  }
  const count = (table: string): number => Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n)
  return { db, batches, run, submit, fill, chores, slice, count, scans }
}

/** Counts the scans over rows in statements prepared from now on. @returns how many there were */
export function countScans(db: DatabaseSync): () => number {
  let scans = 0
  const prepare = db.prepare.bind(db)
  db.prepare = (sql) => {
    const statement = prepare(sql)
    const iterate = statement.iterate.bind(statement)
    statement.iterate = ((...values: number[]) => {
      scans++
      return iterate(...values)
    }) as typeof iterate
    return statement
  }
  return () => scans
}
