import { request } from '../api.js'
import { count, span } from '../format.js'
import { live } from '../live/poll.js'
import { confirm } from '../parts/confirm.js'
import { attempt, Trouble, Waiting } from '../parts/load.js'
import { Heading, Moment } from '../parts/text.js'
import { useStore } from '../store.js'
import { html } from '../vendor/htm-preact.js'
import { effectOfDeleting, effectOfMoving, effectOfPausing } from './effects.js'
import { Events } from './events.js'
import { PlaceForm } from './place-form.js'
import { DeadLettersOf, useSubscriptions } from './subscriptions.js'

/**
 * @typedef {import('../live/reading.js').Subscription} Subscription
 * @typedef {(said: string, method: string, action?: string, body?: unknown) => Promise<void>} Change
 */

/**
 * One subscription: how far it is, and what the operator may do to it.
 * @param {{ name: string }} props
 */
export function SubscriptionDetail({ name }) {
  const { subscriptions, error, reload } = useSubscriptions()
  const { isAdmin } = useStore(live)
  const subscription = subscriptions?.find((each) => each.name === name)
  /** @type {Change} */
  const change = (said, method, action = '', body = undefined) => {
    return attempt(() => request(`subscriptions/${name}${action}`, { method, body }).then(() => said), reload)
  }
  return html`
    <p><a href="#/subscriptions">All subscriptions</a></p>
    ${subscription && html`<${Sheet} subscription=${subscription} />`}
    ${subscription && isAdmin && html`<${Events} subscription=${subscription} />`}
    ${subscription && isAdmin && html`<${Changes} subscription=${subscription} change=${change} />`}
    ${error !== null && html`<${Heading}>No subscription<//><${Trouble} error=${error} retry=${reload} />`}
    ${subscriptions !== null && !subscription && html`<${Heading}>No subscription<//><p>There is none named ${name}.</p>`}
    ${subscriptions === null && error === null && html`<${Waiting} />`}`
}

/** @param {{ subscription: Subscription }} props */
function Sheet({ subscription: { name, createdAt, paused, ready, leased, delayed, dead, oldestReadyAgeSeconds } }) {
  return html`
    <${Heading} kicker="Subscription">${name}<//>
    <dl class="facts">
      <div><dt>State</dt><dd>${paused ? 'paused' : 'hands out events'}</dd></div>
      <div><dt>Ready</dt><dd>${count(ready)}</dd></div>
      <div><dt>Oldest waits</dt><dd>${span(oldestReadyAgeSeconds)}</dd></div>
      <div><dt>Leased</dt><dd>${count(leased)}</dd></div>
      <div><dt>Delayed</dt><dd>${count(delayed)}</dd></div>
      <div><dt>Dead letters</dt><dd><${DeadLettersOf} name=${name} dead=${dead} /></dd></div>
      <div><dt>Created</dt><dd><${Moment} iso=${createdAt} /></dd></div>
    </dl>`
}

/** @param {{ subscription: Subscription, change: Change }} props */
function Changes({ subscription, change }) {
  const { name, paused } = subscription
  const pause = paused ? 'Resume' : 'Pause'
  const move = async (/** @type {string | null} */ to, /** @type {string} */ text) => {
    if (to === null || !(await confirm({ title: `Move ${name}?`, text, action: 'Move', isGrave: true }))) return
    await change(`${name} is moved.`, 'POST', '/seek', { to })
  }
  const remove = async () => {
    const text = effectOfDeleting(subscription)
    if (!(await confirm({ title: `Delete ${name}?`, text, action: 'Delete', isGrave: true }))) return
    change(`${name} is deleted.`, 'DELETE')
  }
  return html`
    <section class="card panel" aria-labelledby="pause-title">
      <h2 id="pause-title">${pause} it</h2>
      <p id="pause-effect">${effectOfPausing(subscription)}</p>
      <div class="actions">
        <button class="quiet" aria-describedby="pause-effect"
          onClick=${() => change(`${name} is ${paused ? 'resumed' : 'paused'}.`, 'POST', paused ? '/resume' : '/pause')}>
          ${pause}
        </button>
      </div>
    </section>
    <${PlaceForm} id="move" title="Move it" label="It continues" first="time" action="Move" onSend=${move}
      effect=${(/** @type {import('./effects.js').Place} */ place) => effectOfMoving(place, subscription)} />
    <section class="card panel" aria-labelledby="delete-title">
      <h2 id="delete-title">Delete it</h2>
      ${
        name === 'default'
          ? html`<p>
              <code>default</code> cannot be deleted: consumers that name no subscription read it. If nobody does, move it
              to the next new event now and then, since it keeps all events that it has not handed out.
            </p>`
          : html`<p id="delete-effect">
                ${effectOfDeleting(subscription)} The service refuses it for the subscription of a sink.
              </p>
              <div class="actions">
                <button class="quiet danger" aria-describedby="delete-effect" onClick=${remove}>Delete</button>
              </div>`
      }
    </section>`
}
