import { json } from '../api.js'
import { plural } from '../format.js'
import { live } from '../live/poll.js'
import { Copy } from '../parts/copy.js'
import { attempt, Empty, Summary, Trouble, useLoad, Waiting } from '../parts/load.js'
import { Heading, Moment } from '../parts/text.js'
import { useStore } from '../store.js'
import { html, useEffect } from '../vendor/htm-preact.js'

/**
 * @typedef {{ id: string, formulaIds: string[], reason: string, attempts: number }} Work
 * @typedef {Work & { createdAt: string, nextAttemptAt: string }} Cleanup
 */

/** Interrupted rollbacks and erasures: the service retries them, and the operator may retry one at once. */
export function Cleanups() {
  const { data, error, at, reload } = useLoad('cleanups')
  const cleanups = /** @type {{ cleanups: Cleanup[] } | null} */ (data)?.cleanups ?? null
  const { cleanups: owed, points } = useStore(live)
  // Reload as soon as the number owed changes, whoever retried one.
  useEffect(() => {
    if (cleanups !== null && owed !== null && owed !== cleanups.length) reload()
  }, [owed])
  const isDue = cleanups?.some(({ nextAttemptAt }) => Date.parse(nextAttemptAt) < Date.now()) ?? false
  useEffect(() => {
    if (isDue) reload()
  }, [points])
  const retry = (/** @type {Cleanup} */ { id }) =>
    attempt(async () => {
      const { message } = await json(`cleanups/${encodeURIComponent(id)}/retry`, { method: 'POST' })
      return `${message}: it is tried now.`
    }, reload)
  return html`
    <${Heading} kicker="Unfinished rollbacks and erasures">Cleanups<//>
    ${error !== null && html`<${Trouble} error=${error} retry=${reload} />`}
    ${cleanups === null && error === null && html`<${Waiting} />`}
    ${
      cleanups?.length === 0 &&
      html`<${Empty} title="Nothing is owed">
        Every rollback and every erasure is finished. Where database and queue are two stores, a failing store can interrupt
        one: a submission that is taken back, or a formula that is erased. It then appears here as a cleanup with its reason,
        and is retried until it is done.
      <//>`
    }
    ${
      cleanups !== null &&
      cleanups.length > 0 &&
      html`
        <p>
          Each is a submission that failed half-way and is not taken back yet, or a formula that is not erased everywhere yet.
          The service tries again by itself until it is done; until then submissions of these formulas wait. If the reason
          below does not pass, fix that first.
        </p>
        <${Summary} at=${at} reload=${reload}>${plural(cleanups.length, 'cleanup')}<//>
        <ul class="cleanups">
          ${cleanups.map((cleanup) => html`<${Entry} key=${cleanup.id} cleanup=${cleanup} onRetry=${() => retry(cleanup)} />`)}
        </ul>`
    }`
}

/** @param {{ cleanup: Cleanup, onRetry: () => void }} props */
function Entry({ cleanup: { id, formulaIds, reason, attempts, createdAt, nextAttemptAt }, onRetry }) {
  return html`<li class="card">
    <h2>${reason}</h2>
    <dl class="facts">
      <div><dt>Cleanup</dt><dd class="actions"><code>${id}</code><${Copy} what="the id" text=${() => id} /></dd></div>
      <div><dt>Owed since</dt><dd><${Moment} iso=${createdAt} /></dd></div>
      <div><dt>Tried</dt><dd>${plural(attempts, 'time')}</dd></div>
      <div><dt>Tried next</dt><dd><${Moment} iso=${nextAttemptAt} /></dd></div>
      <div><dt>Formulas</dt><dd>${formulaIds.map((id) => html`<code key=${id}>${id}</code> `)}</dd></div>
    </dl>
    <button class="quiet" onClick=${onRetry} aria-label=${`Retry ${id}`}>Retry now</button>
  </li>`
}
