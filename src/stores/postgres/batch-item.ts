import type { Admission } from '../batch-scheduler.ts'
import { type Accepted, decide as decideSubmission } from '../decide.ts'
import { slotOf } from '../kept-answer.ts'
import type { AddVerdict, FormulaEvent, Holder, KeyRecord, StoredFormula, Submission } from '../ports.ts'
import type { Database, GivenTime, Row } from './database.ts'
import { ANSWERS, FORMULAS, FREE_EXPIRED, INTENTS } from './intake-statements.ts'
import { readAnswers, toFormula, toKept } from './kept-answers.ts'

/** Most formulas of one batch. */
const MOST_FORMULAS = 4_096
/** Characters of documents from which on a batch is full: what a statement takes must not keep its neighbours for long. */
const MOST_CHARACTERS = 4 * 2 ** 20

/** A submission on its way to the database. */
export interface BatchItem {
  submission: Submission
  slot: string
  /** The attempt of a saga; null where events are published in the same transaction. */
  attempt: string | null
  /** Its slot and its compositions. */
  claims: string[]
  /** The length of its documents, in characters. */
  length: number
}

export function toBatchItem(submission: Submission, attempt: string | null): BatchItem {
  const slot = slotOf(submission.caller, submission.key)
  const claims = [slot, ...submission.formulas.map(({ id }) => id)]
  const length = submission.formulas.reduce((sum, { document }) => sum + document.length, 0)
  return { submission, slot, attempt, claims, length }
}

/**
 * Of submissions that want the same key or composition only one is under way at a time; the others would meet it at a
 * unique index, and their whole batch with them.
 */
export class Claims {
  readonly #claimed = new Set<string>()

  admit(): (item: BatchItem) => Admission {
    const wanted = new Set<string>()
    let [formulas, characters] = [0, 0]
    return ({ claims, submission, length }) => {
      if (formulas >= MOST_FORMULAS || characters >= MOST_CHARACTERS) return 'full'
      if (claims.some((claim) => this.#claimed.has(claim) || wanted.has(claim))) {
        for (const claim of claims) wanted.add(claim)
        return 'waits'
      }
      for (const claim of claims) this.#claimed.add(claim)
      formulas += submission.formulas.length
      characters += length
      return 'joins'
    }
  }

  release(items: BatchItem[]): void {
    for (const { claims } of items) for (const claim of claims) this.#claimed.delete(claim)
  }
}

/** What the database holds of all that a batch wants. */
export interface Known {
  answers: Map<string, KeyRecord>
  running: Map<string, { payload: string; holder: Holder }>
  formulas: Map<string, StoredFormula>
  pending: Map<string, Holder>
  intents: Map<string, { state: string; events: FormulaEvent[] }>
}

/** Nothing: what a submission is decided against first, since most meet nothing. */
export const nothingKnown = (): Known => ({
  answers: new Map(),
  running: new Map(),
  formulas: new Map(),
  pending: new Map(),
  intents: new Map(),
})

/** Decides an item against what is known: to be stored so, or a verdict that stores nothing. */
export function decide(item: BatchItem, known: Known): AddVerdict | Accepted {
  const { submission, slot, attempt } = item
  const own = attempt === null ? undefined : known.intents.get(attempt)
  if (own?.state === 'pending') return { kind: 'added', events: own.events }
  const isAnswered = known.answers.get(slot)?.submissionId === submission.id
  if (own !== undefined && !isAnswered) return { kind: 'given-up' }
  return decideSubmission(submission, {
    answer: () => known.answers.get(slot) ?? null,
    running: () => known.running.get(slot) ?? null,
    formula: (id) => known.formulas.get(id) ?? null,
    claimed: (id) => known.pending.get(id) ?? null,
  })
}

/** Looks up all that the items want; slots of answers that have expired are free afterwards. */
export async function lookUp(database: Database, time: GivenTime, items: BatchItem[]): Promise<Known> {
  const slots = items.map(({ slot }) => slot)
  const attempts = items.flatMap(({ attempt }) => attempt ?? [])
  await database.query(FREE_EXPIRED, [time(), slots])
  const known = nothingKnown()
  await lookUpAnswers(database, slots, known)
  for (const row of await database.query(FORMULAS, compositionColumns(items))) {
    const id = row.id as string
    if (row.attempt === null) known.formulas.set(id, toFormula(row))
    else known.pending.set(id, holderOf(row))
  }
  const intents = attempts.length === 0 ? [] : await database.query(INTENTS, [attempts])
  for (const row of intents) known.intents.set(row.id as string, { state: row.state as string, events: toEvents(row) })
  return known
}

async function lookUpAnswers(database: Database, slots: string[], { answers, running }: Known): Promise<void> {
  const given: Row[] = []
  for (const row of await database.query(ANSWERS, [slots])) {
    const payload = row.payload as string
    if (row.attempt === null) given.push(row)
    else running.set(toSlot(row), { payload, holder: holderOf(row) })
  }
  const read = await readAnswers((text, values) => database.query(text, values), given.map(toKept))
  for (const [index, answer] of read.entries()) {
    const row = given[index] as Row
    answers.set(toSlot(row), { submissionId: row.submission as string, payload: row.payload as string, answer })
  }
}

/** Only where duplicates are skipped an answer has documents of formulas that are stored already. */
function compositionColumns(items: BatchItem[]): unknown[] {
  const wanted = items.flatMap(({ submission: { formulas, onDuplicate } }, item) =>
    [...new Set(formulas.map(({ id }) => id))].map((id) => ({ id, item, hasDocuments: onDuplicate === 'skip' })),
  )
  return [wanted.map(({ id }) => id), wanted.map(({ item }) => item), wanted.map(({ hasDocuments }) => hasDocuments)]
}

const holderOf = ({ state }: Row): Holder => (state === 'pending' ? 'submission' : 'cleanup')

/** A slot as `slotOf` makes it; the database writes hyphens. */
const toSlot = ({ slot }: Row): string => (slot as string).replaceAll('-', '')

/** The events of an intent. */
export function toEvents({ event_ids, event_bodies, event_at, added }: Row): FormulaEvent[] {
  const [bodies, seqs] = [event_bodies as string[], added as number[] | null]
  const createdAt = event_at as number
  return (event_ids as string[]).map((id, index) => ({
    id,
    seq: seqs?.[index] ?? null,
    createdAt,
    body: bodies[index] as string,
  }))
}
