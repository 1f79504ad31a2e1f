import { createStore } from './store.js'

/**
 * One problem, and where in the request it lies.
 * @typedef {{ path: string, code: string, message: string, id?: string }} Detail
 */

/** An error answer of the service; status 0 when it did not answer. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {{ status?: number, code?: string, details?: Detail[] }} [body]
   */
  constructor(message, { status = 0, code = 'UNREACHABLE', details = [] } = {}) {
    super(message)
    this.status = status
    this.code = code
    this.details = details
  }

  /** The most specific message. */
  get why() {
    return this.details[0]?.message ?? this.message
  }
}

const KEPT_AS = 'formula-intake.api-key'
const PATIENCE_MS = 60_000

/**
 * The API key for all calls, and whether the service has asked for one.
 * @type {import('./store.js').Store<{ key: string | null, asked: false | 'none' | 'refused' }>}
 */
export const access = createStore({ key: sessionStorage.getItem(KEPT_AS), asked: false })

/**
 * Tries a key. One that the service accepts is kept in this tab for all later calls.
 * @param {string} key
 * @returns {Promise<boolean>} whether the service accepts it
 * @throws {ApiError} the service does not answer
 */
export async function tryKey(key) {
  // Keys are visible ASCII; other characters cannot be sent in a header.
  if (!/^[\x21-\x7e]+$/.test(key)) return false
  const shown = { authorization: `Bearer ${key}` }
  const answer = await fetch('formulas?limit=1', { headers: shown, signal: AbortSignal.timeout(PATIENCE_MS) }).catch(
    () => null,
  )
  if (answer === null || answer.status >= 500) throw new ApiError('The service cannot be reached.')
  if (answer.status === 401) return false
  sessionStorage.setItem(KEPT_AS, key)
  access.set({ key, asked: false })
  return true
}

/** Forgets the key; the service will ask for one. */
export function forgetKey() {
  sessionStorage.removeItem(KEPT_AS)
  access.set({ key: null, asked: 'none' })
}

/**
 * @typedef {object} Call
 * @property {string} [method] GET when not given
 * @property {unknown} [body] sent as JSON
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 */

/**
 * Calls the service. Paths are relative to the page, so that it works under a path of a proxy.
 * @param {string} path
 * @param {Call} [call]
 * @returns {Promise<Response>} an answer of success
 * @throws {ApiError}
 */
export async function request(path, { method = 'GET', body, headers = {}, signal } = {}) {
  const { key } = access.get()
  const patience = AbortSignal.timeout(PATIENCE_MS)
  const init = {
    method,
    headers: {
      ...headers,
      ...(key !== null && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    cache: /** @type {const} */ ('no-store'),
    signal: signal === undefined ? patience : AbortSignal.any([signal, patience]),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }
  const answer = await fetch(path, init).catch((error) => {
    if (signal?.aborted) throw error
    throw new ApiError('The service cannot be reached.')
  })
  if (answer.ok) return answer
  // Answers to an earlier key say nothing about this one.
  if (answer.status === 401 && access.get().key === key) refuse(key)
  throw await errorOf(answer)
}

/** @param {string | null} key */
function refuse(key) {
  if (key === null) access.set({ key, asked: access.get().asked || 'none' })
  else {
    sessionStorage.removeItem(KEPT_AS)
    access.set({ key: null, asked: 'refused' })
  }
}

/**
 * The error of the service, or a message of ours where a proxy answered instead.
 * @param {Response} answer
 */
async function errorOf(answer) {
  const { status } = answer
  const body = await answer.json().catch(() => null)
  const isOurs = typeof body?.message === 'string' && Array.isArray(body.details ?? [])
  if (isOurs) return new ApiError(body.message, { ...body, details: body.details ?? [], status })
  return new ApiError(`The service cannot be reached: something before it answered ${status}.`)
}

/**
 * Calls the service and reads the JSON of its answer.
 * @template T
 * @param {string} path
 * @param {Call} [call]
 * @returns {Promise<T>}
 * @throws {ApiError}
 */
export async function json(path, call) {
  const answer = await request(path, call)
  return answer.json().catch((error) => {
    if (call?.signal?.aborted) throw error
    throw new ApiError('The service cannot be reached: its answer was cut off, or something before it answered.')
  })
}
