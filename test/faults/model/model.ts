import { STATUS_CODES } from 'node:http'
import { catalogue, type ErrorCode } from '../../../src/errors/catalogue.ts'
import { isoTime } from '../../../src/kit/clock.ts'
import { DEFAULT } from '../../contract/leasing.ts'
import type { ShownFormula } from '../../support/http/service.ts'
import { beginsWith } from './compositions.ts'
import { ModelQueue, SUBSCRIPTIONS } from './queue.ts'

/** The answer that the service has to give; `body` is a string where every byte counts. */
export interface Expected {
  status: number
  body: unknown
  location?: string
  replayed?: boolean
}

/** The whole service as plain data, written from the contract. */
export interface Model {
  /** Milliseconds since the epoch. */
  now: number
  ttlMs: number
  /** In order of acceptance. The index of a formula is its place, which an erased one keeps. */
  formulas: ShownFormula[]
  /** The places of erased formulas. */
  erased: Set<number>
  answers: Map<string, KeptAnswer>
  queue: ModelQueue
  /** Every cursor that the service has given, oldest first. */
  cursors: Cursor[]
}

interface KeptAnswer {
  payload: string
  answer: Expected
  /** The places of the formulas in it. */
  shows: number[]
  expiresAt: number
}

export interface Cursor {
  list: 'formulas' | 'dead'
  text: string
  before: number
  /** The prefix that the list was narrowed to. */
  prefix: string
}

/** A submission in canonical form. */
export interface Submission {
  key: string
  onDuplicate: 'reject' | 'skip'
  single: boolean
  formulas: Pick<ShownFormula, 'id' | 'name' | 'materials' | 'metadata'>[]
  /** The id of the parent; its derivation always gives the same formula. */
  derivedFrom?: string
}

export function newModel(now: number, options: { ttlMs: number; maxReceives: number }): Model {
  const { ttlMs, maxReceives } = options
  const queue = new ModelQueue(maxReceives)
  for (const name of SUBSCRIPTIONS) queue.subscribe(name, 'start', now)
  return { now, ttlMs, formulas: [], erased: new Set(), answers: new Map(), queue, cursors: [] }
}

/** Moves the time on, and ends leases and delays. */
export function moveClock(model: Model, ms: number): void {
  model.now += ms
  model.queue.moveDue(model.now)
}

/** An error answer. */
export function refusal(code: string, problems: [path: string, code: string, id?: string][] = []): Expected {
  const { status, message } = catalogue[code as ErrorCode]
  const details = problems.map(([path, code, id]) => {
    const { message } = catalogue[code as ErrorCode]
    return { path, code, message, ...(id === undefined ? {} : { id }) }
  })
  return { status, body: { error: STATUS_CODES[status], message, status, code, details } }
}

/** Equal for the same payload: the same names, metadata, compositions, order and `onDuplicate`, and the same parent. */
export const payloadOf = ({ onDuplicate, formulas, derivedFrom }: Submission): string =>
  JSON.stringify([onDuplicate, formulas.map(({ id, name, metadata }) => [id, name, metadata]), derivedFrom])

export function submit(model: Model, submission: Submission): Expected {
  const payload = payloadOf(submission)
  const kept = model.answers.get(submission.key)
  if (kept !== undefined && model.now < kept.expiresAt) {
    if (kept.payload === payload) {
      if (kept.shows.some((place) => model.erased.has(place))) return refusal('FORMULA_ERASED')
      return { ...kept.answer, replayed: true }
    }
    return refusal('IDEMPOTENCY_KEY_REUSED', [['Idempotency-Key', 'IDEMPOTENCY_KEY_REUSED']])
  }
  if (submission.derivedFrom !== undefined && getFormula(model, submission.derivedFrom).status === 404) {
    return refusal('FORMULA_NOT_FOUND')
  }
  const answer = decide(model, submission)
  const shows = answer.status === 200 ? submission.formulas.map(({ id }) => placeOf(model, id)) : []
  model.answers.set(submission.key, { payload, answer, shows, expiresAt: model.now + model.ttlMs })
  return answer
}

/** The place of a formula; -1 when it is not there. */
export const placeOf = (model: Model, id: string): number =>
  model.formulas.findIndex((stored, place) => stored.id === id && !model.erased.has(place))

export function erase(model: Model, id: string): Expected {
  const place = placeOf(model, id)
  if (place < 0) return refusal('FORMULA_NOT_FOUND')
  model.erased.add(place)
  // Sequence numbers begin at 1.
  model.queue.erase(id, place + 1)
  return { status: 204, body: '' }
}

function decide(model: Model, { onDuplicate, single, formulas, derivedFrom }: Submission): Expected {
  const createdAt = isoTime(model.now)
  const added: ShownFormula[] = []
  const duplicates: [path: string, code: string, id: string][] = []
  const entries = formulas.map((formula, index) => {
    const known = model.formulas[placeOf(model, formula.id)] ?? added.find(({ id }) => id === formula.id)
    if (known !== undefined) duplicates.push([single ? '' : `/${index}`, 'FORMULA_EXISTS', formula.id])
    const { id, name, materials, metadata } = formula
    const more = { ...(metadata && { metadata }), ...(derivedFrom && { derivedFrom }) }
    const stored = known ?? { id, name, materials, createdAt, ...more }
    if (known === undefined) added.push(stored)
    const outcome = known === undefined ? 'added' : 'duplicate'
    return onDuplicate === 'skip' ? { ...stored, outcome } : stored
  })
  if (onDuplicate === 'reject' && duplicates.length > 0) {
    const { status, body } = refusal('FORMULA_EXISTS', duplicates)
    return { status, body: JSON.stringify(body) }
  }
  model.formulas.push(...added)
  model.queue.append(added)
  const location = single && added.length > 0 ? { location: `/formulas/${added[0]?.id}` } : {}
  return { status: 200, body: JSON.stringify({ message: 'Formula(s) added!', formulas: entries }), ...location }
}

/** What a check answers. */
export function check(model: Model, { formulas }: Submission): Expected {
  const entries = formulas.map((formula, index) => {
    const { id } = formula
    const known = model.formulas[placeOf(model, id)]
    const twin = formulas.slice(0, index).find((earlier) => earlier.id === id)
    return { ...(known ?? twin ?? formula), outcome: known || twin ? 'duplicate' : 'new' }
  })
  return { status: 200, body: JSON.stringify({ formulas: entries }) }
}

export function getFormula(model: Model, id: string): Expected {
  const formula = model.formulas[placeOf(model, id)]
  return formula === undefined ? refusal('FORMULA_NOT_FOUND') : { status: 200, body: formula }
}

/** `last` is the place of the last item if more follow. */
export interface Page {
  items: object[]
  last: number | null
}

/** A page of a list, newest first, from the place `before` on. */
export function pageOf(model: Model, list: Cursor['list'], limit: number, prefix: string, before = Infinity): Page {
  const all =
    list === 'dead'
      ? model.queue.deadLetters(DEFAULT).map(({ letter, place }) => ({ item: letter, place }))
      : model.formulas
          .map((item, place) => ({ item, place }))
          .filter(({ item, place }) => !model.erased.has(place) && beginsWith(item.name, prefix))
  const rest = all.filter(({ place }) => place < before).reverse()
  const items = rest.slice(0, limit)
  return { items: items.map(({ item }) => item), last: rest.length > limit ? (items.at(-1)?.place ?? null) : null }
}
