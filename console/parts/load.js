import { json } from '../api.js'
import { clock } from '../format.js'
import { live, pollNow } from '../live/poll.js'
import { useStore } from '../store.js'
import { html, useEffect, useState } from '../vendor/htm-preact.js'
import { announce } from './notice.js'

/** @typedef {import('../api.js').ApiError} ApiError */

/**
 * What the service gives under a path; asked for again when the path changes, and when the service is back.
 * @template T
 * @param {string} path
 * @returns {{ data: T | null, error: ApiError | null, at: number, reload: () => void, set: (data: T) => void }} `at`: when
 *   it was given, in milliseconds
 */
export function useLoad(path) {
  const [{ data, error, at, of }, setState] = useState({
    data: /** @type {T | null} */ (null),
    error: /** @type {ApiError | null} */ (null),
    at: 0,
    of: '',
  })
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    const left = new AbortController()
    const settle = (/** @type {T | null} */ data, /** @type {ApiError | null} */ error) => {
      if (!left.signal.aborted) setState({ data, error, at: Date.now(), of: path })
    }
    json(path, { signal: left.signal }).then(
      (data) => settle(data, null),
      (error) => settle(null, error),
    )
    return () => left.abort()
  }, [path, turn])
  const reload = () => setTurn((turn) => turn + 1)
  const { reachable } = useStore(live)
  // Once each time it comes back: what stands before the service may refuse this path alone, and go on doing so.
  useEffect(() => {
    if (reachable && error?.status === 0) reload()
  }, [reachable])
  // Not when another path has taken its place by now.
  const set = (/** @type {T} */ data) => setState((now) => (now.of === path ? { ...now, data, error: null } : now))
  // What was loaded for another path is not shown for this one.
  return of === path ? { data, error, at, reload, set } : { data: null, error: null, at: 0, reload, set }
}

/**
 * A list that comes in pages; `more` adds the next one below.
 * @template T
 * @param {string} path
 * @param {string} field where the entries stand in an answer
 */
export function useList(path, field) {
  const { data, error, at, reload, set } = useLoad(path)
  const [moreError, setMoreError] = useState(/** @type {ApiError | null} */ (null))
  const page = /** @type {Record<string, any> | null} */ (data)
  const items = /** @type {T[] | null} */ (page?.[field] ?? null)
  /** @type {string | null} */
  const next = page?.nextCursor ?? null
  const more = async () => {
    const separator = path.includes('?') ? '&' : '?'
    const cursor = encodeURIComponent(next ?? '')
    setMoreError(null)
    try {
      /** @type {Record<string, any>} */
      const added = await json(`${path}${separator}cursor=${cursor}`)
      set({ ...added, [field]: [...(items ?? []), ...added[field]] })
    } catch (error) {
      setMoreError(/** @type {ApiError} */ (error))
    }
  }
  return { items, next, more, reload, at, error: error ?? moreError }
}

/**
 * Says what came of what the operator did, and looks again.
 * @param {import('./notice.js').Words} text
 * @param {() => void} reload
 */
export function lookAgain(text, reload) {
  announce(text)
  reload()
  pollNow()
  // What had the focus may be gone.
  document.querySelector('h1')?.focus()
}

/**
 * Why something is not there, in the service's words.
 * @param {{ error: ApiError, retry?: () => void }} props
 */
export function Trouble({ error, retry }) {
  const why = error.status === 403 ? error.why : error.message
  return html`<div class="trouble" role="alert">
    <p>${why.replace(/\.?$/, '.')}</p>
    ${retry && mayPass(error) && html`<button class="quiet" onClick=${retry}>Try again</button>`}
  </div>`
}

/**
 * Whether the same request may have another answer a little later; one for what is not there, or not allowed, has not.
 * @param {ApiError} error
 */
const mayPass = ({ status }) => status === 0 || status === 429 || status >= 500

/**
 * Says how long and how old a list is, and asks for it again.
 * @param {{ at: number, reload: () => void, children: unknown }} props
 */
export const Summary = ({ at, reload, children }) =>
  html`<p class="summary">
    <span role="status">${children}</span><span class="as-of">As of ${clock(at / 1000)}</span>
    <button class="quiet small" onClick=${reload}>Refresh</button>
  </p>`

/** Stands where something is about to appear. */
export const Waiting = () => html`<p class="waiting">Loading…</p>`

/**
 * Says that there is nothing, and what that means.
 * @param {{ title: string, children: unknown }} props
 */
export function Empty({ title, children }) {
  return html`<div class="empty">
    <svg viewBox="0 0 48 48" aria-hidden="true">
      <path d="M20 6h8v4h-8zM21 10v6l-8 7a5 5 0 0 0-2 4v11a4 4 0 0 0 4 4h18a4 4 0 0 0 4-4V27a5 5 0 0 0-2-4l-8-7v-6" />
      <path class="level" d="M11 32h26" />
    </svg>
    <h2>${title}</h2>
    <p>${children}</p>
  </div>`
}
