import { hash, randomUUID } from 'node:crypto'
import { readEventBody, writeDocument, writeEventBody } from '../../src/formula/formula.ts'
import { searchKey } from '../../src/formula/identity.ts'
import { validateSubmission } from '../../src/formula/validate.ts'
import { isoTime } from '../../src/kit/clock.ts'
import type {
  AddVerdict,
  Answer,
  AnswerEntry,
  FormulaDb,
  FormulaEvent,
  FormulaPage,
  FormulaQuery,
  NewFormula,
  Submission,
} from '../../src/stores/ports.ts'

/** The start time of a `TestClock`, in milliseconds since the epoch. */
export const NOON = Date.UTC(2026, 0, 31, 12)

/** A fingerprint for tests that need no formula. */
export const idOf = (name: string): string => hash('sha256', name, 'hex')

/** The fields of an event besides id and time, with the trace context if the submission is traced. */
export const eventBody = (name: string, traceparent?: string): string =>
  writeEventBody({ id: '', name, materials: [] }, traceparent)

/** The trace context of a submission. */
export const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

/** A formula of one material, as stores receive it; each concentration is a distinct composition. */
export function formula(
  name: string,
  concentration = '1',
  material = 'Iso E Super',
  createdAt: number = NOON,
): NewFormula {
  const fields = { name, materials: [{ name: material, concentration }], metadata: { note: 'Caf\u00e9 "x" 🌹' } }
  const validation = validateSubmission(fields)
  if (!validation.valid || validation.formulas[0] === undefined) throw new Error(`no formula: ${name}`)
  const document = writeDocument(validation.formulas[0], { createdAt: isoTime(createdAt), submittedBy: 'lab' })
  return { id: validation.formulas[0].id, searchKey: searchKey(name), document, eventBody: eventBody(name) }
}

/** The same formula from a traced submission: its event has the trace context. */
export const traced = (one: NewFormula): NewFormula => {
  const { name } = readEventBody(one.eventBody)
  return { ...one, eventBody: eventBody(name, TRACEPARENT) }
}

/** Formulas, one for each name, with distinct compositions. */
export const formulas = (...names: string[]): NewFormula[] => names.map((name, n) => formula(name, `${n + 1}`))

/** The id of the submission of this number. */
export const submissionId = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`

/** A new submission of these formulas: a single one alone, several as a list. */
export function submission(formulas: NewFormula[], own: Partial<Submission> = {}): Submission {
  const onDuplicate = own.onDuplicate ?? 'reject'
  const payload = hash('sha256', JSON.stringify([onDuplicate, formulas.map((one) => [one.id, one.eventBody])]), 'hex')
  const id = randomUUID()
  const single = formulas.length === 1
  return { id, caller: '', key: `key-${id}`, payload, onDuplicate, single, createdAt: NOON, formulas, ...own }
}

/** The same payload under the same key, run again. */
export const again = (first: Submission): Submission => ({ ...first, id: randomUUID() })

/** Brings a submission through every step of a saga. @returns the id of its attempt */
export async function store(db: FormulaDb, of: Submission): Promise<string> {
  const attempt = randomUUID()
  const verdict = await db.add(attempt, of)
  if (verdict.kind !== 'added') throw new Error(`not added but ${verdict.kind}`)
  await db.complete(attempt)
  await db.finish(attempt)
  return attempt
}

/** Erases a formula from a database. @returns false when there is none */
export async function eraseFormula(db: FormulaDb, id: string): Promise<boolean> {
  const erasure = await db.erase(randomUUID(), id)
  if (erasure !== null) await db.finish(erasure.id)
  return erasure !== null
}

/** Takes a page of formulas apart. */
export function readPage({ formulas, next }: FormulaPage) {
  const shown: { id: string }[] = JSON.parse(`[${Buffer.from(formulas)}]`)
  return { items: shown.map(({ id, ...fields }) => ({ id, document: JSON.stringify(fields) })), next }
}

/** Lists formulas. */
export const listed = async (db: FormulaDb, query: FormulaQuery) => readPage(await db.list(query))

/** The answer of a verdict; fails if there is none. */
export function answerOf(verdict: AddVerdict): Answer {
  if (verdict.kind !== 'answered') throw new Error(`not answered but ${verdict.kind}`)
  return verdict.answer
}

/** A formula as answers show it; a duplicate is shown as stored. */
export const shown = (
  { id, document }: { id: string; document: string },
  outcome: AnswerEntry['outcome'] = 'added',
) => ({
  id,
  outcome,
  document,
})

/** The 200 with these entries. */
export const answer200 = (entries: AnswerEntry[], single = entries.length === 1): Answer => ({
  status: 200,
  single,
  entries,
})

/** The names in documents or event bodies. */
export const namesIn = (list: ({ document: string } | { body: string })[]): string[] =>
  list.map((one) => JSON.parse('document' in one ? one.document : one.body).name)

/** Events as a queue receives them, one for each name; each character has its own sequence number. */
export const events = (names: Iterable<string>, createdAt: number = NOON, traceparent?: string): FormulaEvent[] =>
  [...names].map((name) => ({ id: idOf(name), seq: seqOf(name), createdAt, body: eventBody(name, traceparent) }))

/** The sequence number that a formula of this name has in tests of events. */
export const seqOf = (name: string): number => name.codePointAt(0) as number

/** This many events as a queue receives them, named and numbered from 1. */
export const manyEvents = (count: number, createdAt: number = NOON): FormulaEvent[] =>
  Array.from({ length: count }, (_, n) => `${n + 1}`).map((name) => ({
    id: idOf(name),
    seq: Number(name),
    createdAt,
    body: eventBody(name),
  }))

/** The events of a submission all of whose formulas are added; `first` is the sequence number of the first. */
export const eventsOf = ({ formulas, createdAt }: Submission, first: number | null = null): FormulaEvent[] =>
  formulas.map(({ id, eventBody: body }, n) => ({ id, seq: first === null ? null : first + n, createdAt, body }))
