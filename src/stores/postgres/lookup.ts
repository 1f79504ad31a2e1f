import { ANSWER_BYTES, readKept, referredTo, slotOf } from '../kept-answer.ts'
import type { Answer, FormulaEvent, Holder, KeyRecord, StoredFormula, Submission, SubmissionStatus } from '../ports.ts'
import { columnsOf, type Database, DURABLE, type GivenTime, NOW, type Row } from './database.ts'

/** Deletes expired answers, which frees their slots. $1 time, $2 slots. */
const FREE_EXPIRED = `
DELETE FROM formula_intake.answers WHERE slot = ANY ($2::uuid[]) AND attempt IS NULL AND expires_at <= ${NOW}`

/**
 * A repeated answer must be on a standby already. It may not be: a commit becomes visible when its connection breaks, or
 * its server crashes, while it waits for the standby. A lock on the row makes the lookup a write, which waits for the
 * standby after all earlier ones. The statement has to select `DURABLE` too.
 */
const REPLICATED = `FOR KEY SHARE OF answers`

/** The answers or running submissions in slots. $1 slots. */
const ANSWERS = `
SELECT slot, pg_catalog.encode(payload, 'hex') AS payload, submission, answers.status, answers.kept, answers.added,
  attempt, intents.state, ${DURABLE}
FROM formula_intake.answers LEFT JOIN formula_intake.intents ON intents.id = attempt
WHERE slot = ANY ($1::uuid[]) ${REPLICATED}`

/** The answer in a slot, unless it is pending or expired. $1 time, $2 slot. */
const ANSWER = `
SELECT pg_catalog.encode(payload, 'hex') AS payload, submission, status, kept, added, ${DURABLE}
FROM formula_intake.answers WHERE slot = $2 AND attempt IS NULL AND expires_at > ${NOW} ${REPLICATED}`

/** The submission in a slot, unless its answer has expired. $1 time, $2 slot. */
const STATUS = `
SELECT submitted_at AS "submittedAt", status, kept, added, attempt, ${DURABLE} FROM formula_intake.answers
WHERE slot = $2 AND (attempt IS NOT NULL OR expires_at > ${NOW}) ${REPLICATED}`

/** $1 sequence numbers of formulas, erased or not. */
const IDS = `
SELECT pg_catalog.encode(coalesce(formulas.fingerprint, erased.fingerprint), 'hex') AS id
FROM pg_catalog.unnest($1::bigint[]) WITH ORDINALITY AS wanted (seq, ordinal)
  LEFT JOIN formula_intake.formulas USING (seq) LEFT JOIN formula_intake.erased USING (seq)
ORDER BY ordinal`

/** The bytes of the documents that come before a row's in its answer, which bound what an answer shows. */
const BYTES_BEFORE = `
  coalesce(pg_catalog.sum(pg_catalog.octet_length(document)) OVER (PARTITION BY answer ORDER BY ordinal
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before`

/**
 * The stored or pending formulas with given compositions; the document is empty where the answer does not show it. A
 * column each, in the order of answers: $1 fingerprints in hex, $2 the answer, $3 whether it shows documents of
 * duplicates.
 */
const FORMULAS = `
SELECT id, seq, attempt, state, CASE WHEN is_shown AND bytes_before < ${ANSWER_BYTES} THEN document ELSE '' END
    AS document
FROM (
  SELECT wanted.id, is_shown, seq, document, attempt, intents.state, ${BYTES_BEFORE}
  FROM unnest($1::text[], $2::integer[], $3::boolean[]) WITH ORDINALITY AS wanted (id, answer, is_shown, ordinal)
    JOIN formula_intake.formulas ON fingerprint = pg_catalog.decode(wanted.id, 'hex')
    LEFT JOIN formula_intake.intents ON intents.id = attempt
) AS found`

/**
 * The formulas of kept answers; the document is empty for a duplicate that the answer does not show. A column each, in
 * the order of answers: $1 sequence numbers, $2 the answer, $3 whether it always shows the document.
 */
const REFERRED_TO = `
SELECT pg_catalog.encode(fingerprint, 'hex') AS id, seq,
  CASE WHEN is_shown OR bytes_before < ${ANSWER_BYTES} THEN document ELSE '' END AS document
FROM (
  SELECT fingerprint, wanted.seq, document, is_shown, ${BYTES_BEFORE}
  FROM unnest($1::bigint[], $2::integer[], $3::boolean[]) WITH ORDINALITY AS wanted (seq, answer, is_shown, ordinal)
    JOIN formula_intake.formulas ON formulas.seq = wanted.seq AND attempt IS NULL
) AS found`

/** $1 ids of attempts. */
const INTENTS = `
SELECT id, state, event_ids, event_bodies, event_at, added FROM formula_intake.intents WHERE id = ANY ($1::text[])`

/** A submission to look up. */
interface Wanted {
  submission: Submission
  /** See `slotOf`. */
  slot: string
  /** The saga's attempt; null when events are published in the same transaction. */
  attempt: string | null
}

/** What the database knows about a batch, by slot, fingerprint or attempt. */
export interface Known {
  answers: Map<string, KeyRecord>
  running: Map<string, { payload: string; holder: Holder }>
  formulas: Map<string, StoredFormula>
  pending: Map<string, Holder>
  intents: Map<string, { state: string; events: FormulaEvent[] }>
}

export const nothingKnown = (): Known => ({
  answers: new Map(),
  running: new Map(),
  formulas: new Map(),
  pending: new Map(),
  intents: new Map(),
})

/** Looks up everything needed to decide a batch, and deletes expired answers in its slots. */
export async function lookUp(database: Database, time: GivenTime, batch: Wanted[]): Promise<Known> {
  const slots = batch.map(({ slot }) => slot)
  const attempts = batch.flatMap(({ attempt }) => attempt ?? [])
  await database.query(FREE_EXPIRED, [time(), slots])
  const known = nothingKnown()
  await lookUpAnswers(database, slots, known)
  for (const row of await database.query(FORMULAS, compositionColumns(batch))) {
    const id = row.id as string
    if (row.attempt === null) known.formulas.set(id, toFormula(row))
    else known.pending.set(id, holderOf(row))
  }
  const intents = attempts.length === 0 ? [] : await database.query(INTENTS, [attempts])
  for (const row of intents) known.intents.set(row.id as string, { state: row.state as string, events: toEvents(row) })
  return known
}

async function lookUpAnswers(database: Database, slots: string[], { answers, running }: Known): Promise<void> {
  const final: Row[] = []
  for (const row of await database.query(ANSWERS, [slots])) {
    if (row.attempt === null) final.push(row)
    else running.set(slotIn(row), { payload: row.payload as string, holder: holderOf(row) })
  }
  const read = await readAnswers(database, final)
  for (const [index, row] of final.entries()) answers.set(slotIn(row), toRecord(row, read[index] as Answer))
}

/** @returns what is kept under a key, unless it has expired */
export async function findAnswer(
  database: Database,
  time: GivenTime,
  { caller, key }: Pick<Submission, 'caller' | 'key'>,
): Promise<KeyRecord | null> {
  const rows = await database.query(ANSWER, [time(), slotOf(caller, key)])
  const [answer] = await readAnswers(database, rows)
  return answer === undefined ? null : toRecord(rows[0] as Row, answer)
}

/** @returns how the submission under a key stands, unless its answer has expired */
export async function findStatus(
  database: Database,
  time: GivenTime,
  { caller, key }: Pick<Submission, 'caller' | 'key'>,
): Promise<SubmissionStatus | null> {
  const [row] = await database.query(STATUS, [time(), slotOf(caller, key)])
  if (row === undefined) return null
  const submittedAt = row.submittedAt as number
  if (row.attempt !== null) return { submittedAt }
  if (row.status === 409) return { submittedAt, status: 409 }
  const ids = await database.query(IDS, [referredTo(row.kept as string, row.added as number[])])
  return { submittedAt, status: 200, formulaIds: ids.map(({ id }) => id as string) }
}

/** Rebuilds answers from rows with `status`, `kept` and `added`; one query reads the documents of all. */
export async function readAnswers(database: Database, rows: Row[]): Promise<Answer[]> {
  const answers = rows.map(({ status, kept, added }) => ({
    status: status as number,
    kept: kept as string,
    added: (added ?? []) as number[],
  }))
  const wanted = answers.flatMap(({ status, kept, added }, answer) => {
    if (status !== 200) return []
    const unseen = new Set(added)
    return referredTo(kept, added).map((seq) => ({ seq, answer, isShown: unseen.delete(seq) }))
  })
  const columns = columnsOf(wanted, 'seq', 'answer', 'isShown')
  const formulas = new Map<number, StoredFormula>()
  for (const row of wanted.length === 0 ? [] : await database.query(REFERRED_TO, columns)) {
    const formula = toFormula(row)
    // If several answers refer to a formula, perhaps only one of them shows its document.
    if (formula.document !== '' || !formulas.has(formula.seq)) formulas.set(formula.seq, formula)
  }
  return answers.map((answer) => readKept(answer, answer.added, (seq) => formulas.get(seq) ?? null))
}

/** Only answers with `skip` show documents of formulas that were stored before. */
function compositionColumns(batch: Wanted[]): unknown[] {
  const wanted = batch.flatMap(({ submission: { formulas, onDuplicate } }, answer) =>
    [...new Set(formulas.map(({ id }) => id))].map((id) => ({ id, answer, isShown: onDuplicate === 'skip' })),
  )
  return columnsOf(wanted, 'id', 'answer', 'isShown')
}

const toRecord = ({ submission, payload }: Row, answer: Answer): KeyRecord => ({
  submissionId: submission as string,
  payload: payload as string,
  answer,
})

export const toFormula = ({ id, seq, document }: Row): StoredFormula => ({
  id: id as string,
  seq: seq as number,
  document: document as string,
})

/** The events of an intent. */
export function toEvents({ event_ids, event_bodies, event_at, added }: Row): FormulaEvent[] {
  const [ids, bodies, seqs] = [event_ids as string[], event_bodies as string[], added as number[] | null]
  const createdAt = event_at as number
  return ids.map((id, index) => ({ id, seq: seqs?.[index] ?? null, createdAt, body: bodies[index] as string }))
}

const holderOf = ({ state }: Row): Holder => (state === 'pending' ? 'submission' : 'cleanup')

/** A slot as `slotOf` writes it, without the hyphens of a uuid. */
const slotIn = ({ slot }: Row): string => (slot as string).replaceAll('-', '')
