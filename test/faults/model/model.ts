import { STATUS_CODES } from 'node:http'
import { catalogue, type ErrorCode } from '../../../src/errors/catalogue.ts'
import type { ShownFormula } from '../../support/http/service.ts'
import { beginsWith } from './compositions.ts'
import { emptyQueue, join, moveDue, type QueueModel } from './model-queue.ts'

/** What the service has to answer; `body` is the text where it must be the same to the byte. */
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
  /** In order of acceptance. */
  formulas: ShownFormula[]
  answers: Map<string, { payload: string; answer: Expected; expiresAt: number }>
  queue: QueueModel
  /** Places in lists that the service has named, oldest first; its texts are taken over. */
  cursors: Cursor[]
}

export interface Cursor {
  list: 'formulas' | 'dead'
  text: string
  before: number
}

/** A submission as the model sees it: what is in it, whatever its spelling. */
export interface Submission {
  key: string
  onDuplicate: 'reject' | 'skip'
  single: boolean
  formulas: Pick<ShownFormula, 'id' | 'name' | 'materials'>[]
}

export function newModel(now: number, options: { ttlMs: number; maxReceives: number }): Model {
  const { ttlMs, maxReceives } = options
  return { now, ttlMs, formulas: [], answers: new Map(), queue: emptyQueue(maxReceives), cursors: [] }
}

/** Lets time pass: leases and delays that are over end. */
export function passTime(model: Model, ms: number): void {
  model.now += ms
  moveDue(model.queue, model.now)
}

export const isoTime = (ms: number): string => new Date(ms).toISOString()

/** The one shape of all errors; `message` is the first problem's where there is more to say than the code does. */
export function refusal(code: string, problems: [path: string, code: string, id?: string][] = []): Expected {
  const { status, message } = catalogue[code as ErrorCode]
  const details = problems.map(([path, code, id]) => {
    const { message } = catalogue[code as ErrorCode]
    return { path, code, message, ...(id === undefined ? {} : { id }) }
  })
  return { status, body: { error: STATUS_CODES[status], message, status, code, details } }
}

/** What "the same payload" means: names, compositions, their order and `onDuplicate`. */
export const payloadOf = ({ onDuplicate, formulas }: Submission): string =>
  JSON.stringify([onDuplicate, formulas.map(({ id, name }) => [id, name])])

export function submit(model: Model, submission: Submission): Expected {
  const payload = payloadOf(submission)
  const kept = model.answers.get(submission.key)
  if (kept !== undefined && model.now < kept.expiresAt) {
    if (kept.payload === payload) return { ...kept.answer, replayed: true }
    return refusal('IDEMPOTENCY_KEY_REUSED', [['Idempotency-Key', 'IDEMPOTENCY_KEY_REUSED']])
  }
  const answer = decide(model, submission)
  model.answers.set(submission.key, { payload, answer, expiresAt: model.now + model.ttlMs })
  return answer
}

function decide(model: Model, { onDuplicate, single, formulas }: Submission): Expected {
  const createdAt = isoTime(model.now)
  const added: ShownFormula[] = []
  const duplicates: [path: string, code: string, id: string][] = []
  const entries = formulas.map((formula, index) => {
    const known = [...model.formulas, ...added].find(({ id }) => id === formula.id)
    if (known !== undefined) duplicates.push([single ? '' : `/${index}`, 'FORMULA_EXISTS', formula.id])
    const { id, name, materials } = formula
    const stored = known ?? { id, name, materials, createdAt }
    if (known === undefined) added.push(stored)
    const outcome = known === undefined ? 'added' : 'duplicate'
    return onDuplicate === 'skip' ? { ...stored, outcome } : stored
  })
  if (onDuplicate === 'reject' && duplicates.length > 0) {
    const { status, body } = refusal('FORMULA_EXISTS', duplicates)
    return { status, body: JSON.stringify(body) }
  }
  model.formulas.push(...added)
  join(model.queue, added)
  const location = single && added.length > 0 ? { location: `/formulas/${added[0]?.id}` } : {}
  return { status: 200, body: JSON.stringify({ message: 'Formula(s) added!', formulas: entries }), ...location }
}

export function getFormula(model: Model, id: string): Expected {
  const formula = model.formulas.find((stored) => stored.id === id)
  return formula === undefined ? refusal('FORMULA_NOT_FOUND') : { status: 200, body: formula }
}

/** A page of a list, and the place of its last entry if there are more. */
export interface Page<T> {
  items: T[]
  last: number | null
}

/** Newest first, from the place `before` on. */
export function pageOf<T extends { place: number }>(all: T[], limit: number, before = Infinity): Page<T> {
  const rest = all.filter(({ place }) => place < before).sort((a, b) => b.place - a.place)
  const items = rest.slice(0, limit)
  return { items, last: rest.length > limit ? (items.at(-1)?.place ?? null) : null }
}

export function listFormulas(model: Model, limit: number, prefix: string, before?: number): Page<ShownFormula> {
  const placed = model.formulas.map((formula, place) => ({ formula, place }))
  const { items, last } = pageOf(
    placed.filter(({ formula }) => beginsWith(formula.name, prefix)),
    limit,
    before,
  )
  return { items: items.map(({ formula }) => formula), last }
}
