import { hash, randomUUID } from 'node:crypto'
import type { Formula } from '../../src/formula/formula.ts'
import { validateSubmission } from '../../src/formula/validate.ts'
import type { AddVerdict, FormulaDb, FormulaEvent, StoredAnswer, Submission } from '../../src/stores/ports.ts'
import { payloadHash } from '../../src/submission/payload.ts'

/** A checked formula of one material; another concentration is another make-up. */
export function formula(name: string, concentration = '1', material = 'Iso E Super'): Formula {
  const validation = validateSubmission({ name, materials: [{ name: material, concentration }] })
  if (!validation.valid || validation.formulas[0] === undefined) throw new Error(`no formula: ${name}`)
  return validation.formulas[0]
}

/** A new submission of these formulas: one is sent alone, several as a list. */
export function submission(formulas: Formula[], own: Partial<Submission> = {}): Submission {
  const onDuplicate = own.onDuplicate ?? 'reject'
  const payload = payloadHash({ onDuplicate, formulas })
  const id = randomUUID()
  return { id, caller: '', key: `key-${id}`, payload, onDuplicate, single: formulas.length === 1, formulas, ...own }
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

/** The answer of a verdict that has to have one. */
export function answerOf(verdict: AddVerdict): StoredAnswer {
  if (verdict.kind !== 'answered') throw new Error(`not answered but ${verdict.kind}`)
  return verdict.answer
}

/** Where a submission may be seen in a trace. */
export const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

/** A fingerprint to stand for `name` where there is no formula. */
export const idOf = (name: string): string => hash('sha256', name, 'hex')

/** Events as a queue is given them, one for each character of `names`. */
export function events(names: string, createdAt = '2026-01-31T12:00:00.000Z'): FormulaEvent[] {
  return [...names].map((name) => ({ id: idOf(name), name, createdAt }))
}
