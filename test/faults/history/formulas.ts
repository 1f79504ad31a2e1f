import type { ClientHistory } from '../client-history.ts'
import { each, reportTwice, type StoredFormula } from './reads.ts'
import type { Send } from './send.ts'
import {
  compositionOf,
  decided,
  type FormulaBody,
  isKept,
  isReplay,
  type Report,
  type Submission,
  type Submissions,
} from './submissions.ts'

interface AnsweredFormula extends StoredFormula {
  outcome?: 'added' | 'duplicate'
}

interface Stored {
  formula: StoredFormula
  /** Its index in the order of acceptance. */
  place: number
}

/** Indexes of the stored formulas. */
interface StoredIndex {
  byName: Map<string, Stored>
  byId: Map<string, Stored>
  byComposition: Map<string, Stored>
}

/** Checks the stored formulas against all submissions and answers. No request may be pending. */
export function judgeFormulas(submissions: Submissions, formulas: StoredFormula[], report: Report): void {
  reportTwice('stored: id', formulas, ({ id }) => id, report)
  reportTwice('stored: name', formulas, ({ name }) => name, report)
  reportTwice('stored: composition', formulas, ({ materials }) => compositionOf(materials), report)
  const stored = formulas.map((formula, place) => ({ formula, place }))
  const lookup: StoredIndex = {
    byName: new Map(stored.map((one) => [one.formula.name, one])),
    byId: new Map(stored.map((one) => [one.formula.id, one])),
    byComposition: new Map(stored.map((one) => [compositionOf(one.formula.materials), one])),
  }
  for (const formula of formulas) judgeOrigin(submissions, formula, report)
  submissions.judgeOrder(formulas, (early, late) => report(`${early} was accepted before ${late} and is newer`))
  for (const submission of submissions.all()) {
    judgeWholeness(submission, lookup, report)
    const reply = decided(submission)
    const say = (what: string): void => report(`key ${submission.key}: ${what}`)
    if (reply?.status === 200) judgeAdded(submission, JSON.parse(reply.body).formulas, lookup, say)
    if (reply?.status === 409) judgeDuplicate(submission, JSON.parse(reply.body).details, lookup, say)
    const location = Array.isArray(submission.body) ? undefined : locationOf(submission, lookup)
    if (reply !== null && reply.headers.location !== location) say(`the Location is ${reply.headers.location}`)
  }
}

const locationOf = ({ formulas }: Submission, { byName }: StoredIndex): string | undefined => {
  const own = byName.get(formulas[0]?.name ?? '')
  return own === undefined ? undefined : `/formulas/${own.formula.id}`
}

function judgeOrigin(submissions: Submissions, formula: StoredFormula, report: Report): void {
  const sent = submissions.byName.get(formula.name)?.formulas.find(({ name }) => name === formula.name)
  if (sent === undefined) report(`stored, and sent by nobody: ${formula.name}`)
  else if (!isSame(sent, formula)) report(`stored otherwise than it was sent: ${JSON.stringify(formula)}`)
}

const isSame = (sent: FormulaBody, { materials }: StoredFormula): boolean =>
  sent.materials.length === materials.length &&
  sent.materials.every(({ name, concentration }, index) => {
    const other = materials[index]
    return other?.name === name && Number(other.concentration) === Number(concentration)
  })

/** All or nothing; with `skip`, all whose composition was new. */
function judgeWholeness({ key, formulas, onDuplicate }: Submission, lookup: StoredIndex, report: Report): void {
  const own = formulas.flatMap(({ name }) => lookup.byName.get(name) ?? [])
  if (own.length === 0) return
  if (onDuplicate === 'reject' && own.length < formulas.length) report(`key ${key}: a list is stored by half`)
  const oldest = Math.min(...own.map(({ place }) => place))
  for (const { name, materials } of formulas) {
    const known = lookup.byComposition.get(compositionOf(materials))
    const isOwn = formulas.some((formula) => formula.name === known?.formula.name)
    if (known === undefined) report(`key ${key}: a list is stored by half, without ${name}`)
    else if (!isOwn && known.place > oldest) report(`key ${key}: ${name} was new and is not stored`)
  }
  if (own.some(({ place }, index) => place < (own[index - 1]?.place ?? -1))) report(`key ${key}: in another order`)
}

function judgeAdded(submission: Submission, entries: AnsweredFormula[], lookup: StoredIndex, say: Report): void {
  const { formulas, onDuplicate } = submission
  if (entries.length !== formulas.length) say(`${formulas.length} formulas, ${entries.length} in the answer`)
  entries.forEach(({ outcome, ...formula }, index) => {
    const sent = formulas[index] as FormulaBody
    const stored = lookup.byId.get(formula.id)?.formula
    if (JSON.stringify(stored) !== JSON.stringify(formula)) say(`answered 200 and not stored so: ${formula.name}`)
    if (compositionOf(formula.materials) !== compositionOf(sent.materials))
      say(`${sent.name}: answered with another composition`)
    const expected = onDuplicate === 'reject' ? undefined : formula.name === sent.name ? 'added' : 'duplicate'
    if (outcome !== expected) say(`${sent.name}: the outcome is ${outcome}, not ${expected}`)
  })
}

/** A 409 names stored formulas, and nothing of the submission is stored. */
function judgeDuplicate(
  submission: Submission,
  details: { path: string; id: string }[],
  lookup: StoredIndex,
  say: Report,
) {
  const { formulas, body } = submission
  for (const { name } of formulas) if (lookup.byName.has(name)) say(`answered 409, and ${name} is stored`)
  if (details.length === 0) say('answered 409 without a duplicate')
  for (const { path, id } of details) {
    const index = Array.isArray(body) ? Number(path.slice(1)) : 0
    const composition = compositionOf(formulas[index]?.materials ?? [])
    const isTwin = formulas.slice(0, index).some(({ materials }) => compositionOf(materials) === composition)
    const known = lookup.byComposition.get(composition)
    if (!isTwin && known?.formula.id !== id) say(`a duplicate of what is not stored: ${formulas[index]?.name}`)
  }
}

/**
 * Sends submissions again: answers must be replayed, unknown outcomes must be settled.
 * @param before the names of the formulas that were stored before
 */
export async function judgeReplays(
  history: ClientHistory,
  send: Send,
  submissions: Iterable<Submission>,
  before: Set<string>,
  report: Report,
): Promise<void> {
  await each(submissions, 16, async (submission) => {
    const { key, body, onDuplicate, formulas } = submission
    const known = decided(submission)
    const wasStored = formulas.some(({ name }) => before.has(name))
    const reply = await history.submit(send, key, body, onDuplicate)
    const say = (what: string): void => report(`key ${key}: ${what}: ${reply?.status} ${reply?.body}`)
    if (reply === null) say('cut off, or never answered')
    else if (known !== null || wasStored) {
      if (!isKept(reply) || !isReplay(reply)) say('not replayed')
      if (wasStored && reply.status !== 200) say('stored, and not answered so')
    } else {
      if (!isKept(reply) && reply.status !== 422) say('the key cannot be used')
      const adds = reply.status === 200 && formulas.some(({ name }) => reply.body.includes(JSON.stringify(name)))
      if (adds && isReplay(reply)) say('replayed, and not stored')
    }
  })
}
