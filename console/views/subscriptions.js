import { request } from '../api.js'
import { count, plural, span } from '../format.js'
import { live } from '../live/poll.js'
import { Field } from '../parts/field.js'
import { attempt, Empty, Trouble, useLoad, Waiting } from '../parts/load.js'
import { Heading } from '../parts/text.js'
import { useStore } from '../store.js'
import { html, useEffect, useState } from '../vendor/htm-preact.js'
import { effectOfCreating } from './effects.js'
import { PlaceForm } from './place-form.js'

/** @typedef {import('../live/reading.js').Subscription} Subscription */

/** What the service takes as the name of a subscription. */
export const NAME = /^[a-z0-9][a-z0-9_.-]{0,63}$/

/** Loads the subscriptions, and follows their figures as they are polled. */
export function useSubscriptions() {
  const { data, error, reload, set } = useLoad('subscriptions')
  const { subscriptions } = useStore(live)
  useEffect(() => {
    if (subscriptions !== null) set({ subscriptions })
  }, [subscriptions])
  const loaded = /** @type {{ subscriptions: Subscription[] } | null} */ (data)
  return { subscriptions: loaded?.subscriptions ?? null, error, reload }
}

/** Who reads the events, and how far each has come; the operator creates one. */
export function Subscriptions() {
  const { subscriptions, error, reload } = useSubscriptions()
  const { isAdmin } = useStore(live)
  return html`
    <${Heading} kicker="Each gets every event">Subscriptions<//>
    ${error !== null && html`<${Trouble} error=${error} retry=${reload} />`}
    ${subscriptions === null && error === null && html`<${Waiting} />`}
    ${subscriptions?.length === 0 && html`<${Empty} title="Nothing to see">There is no subscription that this key may use.<//>`}
    ${
      subscriptions !== null &&
      subscriptions.length > 0 &&
      html`<table class="rows">
        <thead>
          <tr>
            <th scope="col">Name</th><th scope="col" class="number">Ready</th><th scope="col" class="number">Oldest waits</th>
            <th scope="col" class="number">Leased</th><th scope="col" class="number">Delayed</th>
            <th scope="col" class="number">Dead letters</th>
          </tr>
        </thead>
        <tbody>${subscriptions.map((each) => html`<${Row} key=${each.name} subscription=${each} />`)}</tbody>
      </table>`
    }
    ${subscriptions !== null && isAdmin && html`<${Create} reload=${reload} />`}
    ${isAdmin === false && error === null && html`<p class="hint">To create or change one, a key needs the scope <code>admin</code>.</p>`}`
}

/** @param {{ subscription: Subscription }} props */
function Row({ subscription: { name, paused, ready, leased, delayed, dead, oldestReadyAgeSeconds } }) {
  return html`<tr>
    <th scope="row"><a href="#/subscriptions/${name}">${name}</a>${paused && html` <span class="reason">paused</span>`}</th>
    <td class="number" data-name="Ready">${count(ready)}</td>
    <td class="number" data-name="Oldest waits">${span(oldestReadyAgeSeconds)}</td>
    <td class="number" data-name="Leased">${count(leased)}</td>
    <td class="number" data-name="Delayed">${count(delayed)}</td>
    <td class="number" data-name="Dead letters"><${DeadLettersOf} name=${name} dead=${dead} /></td>
  </tr>`
}

/**
 * How many dead letters a subscription has, as a link where the operator may see them.
 * @param {{ name: string, dead: number }} props
 */
export function DeadLettersOf({ name, dead }) {
  const { isAdmin } = useStore(live)
  if (dead === 0 || !isAdmin) return count(dead)
  return html`<a href="#/dead-letters?subscription=${name}" aria-label=${`${plural(dead, 'dead letter')} of ${name}`}>
    ${count(dead)}
  </a>`
}

/** @param {{ reload: () => void }} props */
function Create({ reload }) {
  const [name, setName] = useState('')
  const [problem, setProblem] = useState(/** @type {string | undefined} */ (undefined))
  const send = async (/** @type {string | null} */ from) => {
    const isName = NAME.test(name)
    setProblem(isName ? undefined : 'Use lower-case letters and digits, and after the first also . _ and -')
    if (!isName || from === null) return
    await attempt(async () => {
      const { status } = await request(`subscriptions/${name}`, { method: 'PUT', body: { from } })
      // Keep one that was typed meanwhile.
      setName((now) => (now === name ? '' : now))
      const link = html`<a href="#/subscriptions/${name}">${name}</a>`
      return status === 201 ? html`${link} is created.` : html`There already is ${link}; it stays as it is.`
    }, reload)
  }
  return html`<${PlaceForm} id="create" title="Create a subscription" label="It begins" first="end" effect=${effectOfCreating}
    action="Create" onSend=${send}>
    <${Field} id="create-name" label="Name" value=${name} error=${problem} autocapitalize="none" maxlength="64"
      hint="Lower-case letters and digits; after the first also . _ and -" onValue=${setName} />
  <//>`
}
