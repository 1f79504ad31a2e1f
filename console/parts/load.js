import { json } from '../api.js'
import { clock } from '../format.js'
import { live, pollNow } from '../live/poll.js'
import { useStore } from '../store.js'
import { html, useEffect, useState } from '../vendor/htm-preact.js'
import { Copy } from './copy.js'
import { announce } from './notice.js'

/** @typedef {import('../api.js').ApiError} ApiError */

/**
 * Loads a path of the service; again when the path changes and when the service is back.
 * @template T
 * @param {string} path
 * @returns {{ data: T | null, error: ApiError | null, at: number, reload: () => void, set: (data: T) => void }} `at`: the
 *   time of the answer, in milliseconds
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
  // Only once each time it comes back: a proxy may keep refusing this path alone.
  useEffect(() => {
    if (reachable && error?.status === 0) reload()
  }, [reachable])
  // Ignore it if the path has changed meanwhile.
  const set = (/** @type {T} */ data) => setState((now) => (now.of === path ? { ...now, data, error: null } : now))
  // Never show the data of another path.
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
 * Runs an action of the operator, announces its result or error, and reloads.
 * @param {() => Promise<import('./notice.js').Words>} act
 * @param {() => void} reload
 */
export async function attempt(act, reload) {
  announce(await act().catch((/** @type {ApiError} */ error) => error.why))
  reload()
  pollNow()
  // The focused element may be gone.
  document.querySelector('h1')?.focus()
}

/**
 * Shows an error in the words of the service.
 * @param {{ error: ApiError, retry?: () => void }} props
 */
export function Trouble({ error, retry }) {
  const why = [400, 403].includes(error.status) ? error.why : error.message
  return html`<div class="trouble" role="alert">
    <p>${why.replace(/\.?$/, '.')}</p>
    ${retry && mayPass(error) && html`<button class="quiet" onClick=${retry}>Try again</button>`}
  </div>`
}

/**
 * Whether a retry may succeed: not where something is missing or forbidden.
 * @param {ApiError} error
 */
const mayPass = ({ status }) => status === 0 || status === 429 || status >= 500

/**
 * Shows the length and age of a list, with a button that reloads it.
 * @param {{ at: number, reload: () => void, children: unknown }} props
 */
export const Summary = ({ at, reload, children }) =>
  html`<p class="summary">
    <span role="status">${children}</span><span class="as-of">As of ${clock(at / 1000)}</span>
    <button class="quiet small" onClick=${reload}>Refresh</button>
  </p>`

/** A placeholder while data loads. */
export const Waiting = () => html`<p class="waiting">Loading…</p>`

/**
 * Shows that a list is empty, what would be in it, and how that comes about.
 * @param {{ title: string, example?: string, children: unknown }} props `example` is a command to try
 */
export function Empty({ title, example, children }) {
  return html`<div class="empty">
    <svg viewBox="0 0 48 48" aria-hidden="true">
      <path d="M20 6h8v4h-8zM21 10v6l-8 7a5 5 0 0 0-2 4v11a4 4 0 0 0 4 4h18a4 4 0 0 0 4-4V27a5 5 0 0 0-2-4l-8-7v-6" />
      <path class="level" d="M11 32h26" />
    </svg>
    <h2>${title}</h2>
    <p>${children}</p>
    ${example && html`<pre tabindex="0"><code>${example}</code></pre><${Copy} what="the command" text=${() => example} />`}
  </div>`
}
