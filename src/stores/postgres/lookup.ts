import type { StoredFormula } from '../../formula/formula.ts'
import { isoTime } from '../../kit/clock.ts'
import type { FormulaEvent, Holder, KeyRecord, StoredAnswer } from '../ports.ts'
import { traced } from '../traced.ts'
import { type BatchItem, type Known, nothingKnown } from './batch-item.ts'
import type { Database, Row } from './database.ts'
import { ANSWERS, FORMULAS, FREE_EXPIRED, INTENTS } from './intake-statements.ts'
import type { GivenTime } from './time.ts'

/** Looks up all that the members want; slots of answers that have expired are free afterwards. */
export async function lookUp(database: Database, time: GivenTime, members: BatchItem[]): Promise<Known> {
  const slots = members.map(({ slot }) => slot)
  const ids = members.flatMap(({ submission }) => submission.formulas.map(({ id }) => id))
  const attempts = members.flatMap(({ attempt }) => attempt ?? [])
  await database.query(FREE_EXPIRED, [time(), slots])
  const known = nothingKnown()
  for (const row of await database.query(ANSWERS, [slots])) {
    const slot = row.slot as string
    if (row.attempt === null) known.answers.set(slot, toKeyRecord(row))
    else known.running.set(slot, { payload: row.payload as string, holder: holderOf(row) })
  }
  for (const row of await database.query(FORMULAS, [ids])) {
    const id = row.id as string
    if (row.attempt === null) known.formulas.set(id, toFormula(row))
    else known.pending.set(id, holderOf(row))
  }
  const intents = attempts.length === 0 ? [] : await database.query(INTENTS, [attempts])
  for (const row of intents) {
    known.intents.set(row.id as string, { state: row.state as string, events: toEvents(row.events as string) })
  }
  return known
}

const holderOf = ({ state }: Row): Holder => (state === 'pending' ? 'submission' : 'cleanup')

export const toKeyRecord = (row: Row): KeyRecord => ({
  submissionId: row.submission as string,
  payload: row.payload as string,
  answer: toAnswer(row),
})

export const toAnswer = ({ status, location, body }: Row): StoredAnswer => ({
  status: status as StoredAnswer['status'],
  location: location as string | null,
  body: body as string,
})

/** A formula as its row has it, its materials as JSON. */
export const toFormula = ({ id, name, materials, created_at }: Row) => ({
  id: id as string,
  name: name as string,
  materials: materials as string,
  createdAt: isoTime(created_at as number),
})

export function withMaterials(row: Row): StoredFormula {
  const formula = toFormula(row)
  return { ...formula, materials: JSON.parse(formula.materials) }
}

/** The events of an intent. */
export function toEvents(json: string): FormulaEvent[] {
  const events: { id: string; name: string; at: number; traceparent?: string }[] = JSON.parse(json)
  return events.map(({ id, name, at, traceparent }) => ({ id, name, createdAt: isoTime(at), ...traced(traceparent) }))
}
