import { access } from './api.js'
import { live, startPolling } from './live/poll.js'
import { ConfirmDialog } from './parts/confirm.js'
import { announce, Notice } from './parts/notice.js'
import { Side } from './parts/side.js'
import { Heading } from './parts/text.js'
import { place } from './router.js'
import { useStore } from './store.js'
import { html, render, useEffect, useRef } from './vendor/htm-preact.js'
import { Cleanups } from './views/cleanups.js'
import { DeadLetters } from './views/dead-letters.js'
import { FormulaDetail } from './views/formula.js'
import { Formulas } from './views/formulas.js'
import { KeyForm } from './views/key-form.js'
import { Overview } from './views/overview.js'
import { Submit } from './views/submit.js'
import { SubscriptionDetail } from './views/subscription.js'
import { NAME, Subscriptions } from './views/subscriptions.js'

/** @type {Map<string, (props: any) => ReturnType<typeof html>>} */
const VIEWS = new Map([
  ['overview', Overview],
  ['formulas', Formulas],
  ['submit', Submit],
  ['subscriptions', Subscriptions],
  ['dead-letters', DeadLetters],
  ['cleanups', Cleanups],
])

function Console() {
  const { view, item } = useStore(place)
  const { asked } = useStore(access)
  useEffect(startPolling, [])
  // A notice belongs to the view it appeared in.
  useEffect(() => announce(''), [view, item])
  return html`
    <a class="skip" href="#content" onClick=${skip}>To the content</a>
    <${Side} view=${view} />
    <main id="content" tabindex="-1">
      <${Banner} />
      <${Notice} />
      ${asked ? html`<${KeyForm} key="key" />` : html`<${View} key=${`${view}/${item}`} view=${view} item=${item} />`}
    </main>
    <${ConfirmDialog} />`
}

/** @param {{ view: string, item: string | null }} props */
function View({ view, item }) {
  const Known = VIEWS.get(view)
  // Do not request an invalid id: as a path it might mean another address.
  if (view === 'formulas' && item)
    return /^[0-9a-f]{64}$/.test(item) ? html`<${FormulaDetail} id=${item} />` : html`<${NotFound} />`
  if (view === 'subscriptions' && item)
    return NAME.test(item) ? html`<${SubscriptionDetail} name=${item} />` : html`<${NotFound} />`
  return Known === undefined ? html`<${NotFound} />` : html`<${Known} />`
}

function NotFound() {
  return html`<${Heading}>Nothing is here<//>
    <p>No view, formula or subscription has this address. <a href="#/overview">To the overview</a></p>`
}

/**
 * The hash of the address selects the view, so the link must not change it.
 * @param {Event} event
 */
function skip(event) {
  event.preventDefault()
  document.getElementById('content')?.focus()
}

/** Shows that the service does not answer, until it does. */
function Banner() {
  const { reachable } = useStore(live)
  const wasAway = useRef(false)
  useEffect(() => {
    if (reachable && wasAway.current) announce('The service answers again.')
    wasAway.current = reachable === false
  }, [reachable])
  return html`<div class="banner" role="alert">
    ${reachable === false && html`<p><strong>The service does not answer.</strong> It is asked again every two seconds.</p>`}
  </div>`
}

const root = /** @type {HTMLElement} */ (document.getElementById('console'))
render(html`<${Console} />`, root)
