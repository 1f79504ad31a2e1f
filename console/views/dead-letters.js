import { json, request } from '../api.js'
import { count, plural } from '../format.js'
import { live } from '../live/poll.js'
import { confirm } from '../parts/confirm.js'
import { Choice } from '../parts/field.js'
import { attempt, Empty, Summary, Trouble, useList, Waiting } from '../parts/load.js'
import { Heading, Moment, Name } from '../parts/text.js'
import { place, replace } from '../router.js'
import { useStore } from '../store.js'
import { html, useEffect, useState } from '../vendor/htm-preact.js'

/**
 * @typedef {'expired' | 'nacked'} Reason
 * @typedef {{ id: string, name: string, receiveCount: number, diedAt: string, reason: Reason, detail: string | null }} DeadLetter
 */

/** @type {Record<Reason, string>} */
const REASONS = { expired: 'the lease ended', nacked: 'given back' }
const MOST_IDS = 1000
/** The default page size of the service. */
const FIRST_PAGE = 50

/** Events that ran out of receives in a subscription: the operator redrives or deletes them. */
export function DeadLetters() {
  // The address holds the subscription, as links to it do.
  const chosen = useStore(place).query.get('subscription') ?? 'default'
  const { subscriptions } = useStore(live)
  const names = (subscriptions ?? []).map(({ name }) => name)
  return html`
    <${Heading} kicker="Events that ran out of leases">Dead letters<//>
    ${(names.length > 1 || chosen !== 'default') && html`<${Chooser} chosen=${chosen} subscriptions=${subscriptions ?? []} />`}
    <${List} key=${chosen} subscription=${chosen} />`
}

/** @param {{ chosen: string, subscriptions: import('../live/reading.js').Subscription[] }} props */
function Chooser({ chosen, subscriptions }) {
  const options = subscriptions.map(({ name, dead }) => [name, `${name} (${count(dead)})`])
  // Also one that is not there, or not known yet: the choice shows what the address says.
  if (!subscriptions.some(({ name }) => name === chosen)) options.unshift([chosen, chosen])
  return html`<${Choice} id="subscription" label="Subscription" value=${chosen} options=${options}
    onValue=${(/** @type {string} */ name) => replace(`#/dead-letters?${new URLSearchParams({ subscription: name })}`)} />`
}

/** @param {{ subscription: string }} props */
function List({ subscription }) {
  const { items, next, more, reload, error, at } = useList(
    `events/dead?${new URLSearchParams({ subscription })}`,
    'events',
  )
  const letters = /** @type {DeadLetter[] | null} */ (items)
  const [picked, setSelected] = useState(/** @type {Set<string>} */ (new Set()))
  // Without those that a refreshed list no longer shows.
  const selected = new Set((letters ?? []).map(({ id }) => id).filter((id) => picked.has(id)))
  const dead = useStore(live).subscriptions?.find(({ name }) => name === subscription)?.dead
  // Keep the rows in place while the operator selects some.
  useEffect(() => {
    if (letters !== null && error === null && selected.size === 0 && letters.length <= FIRST_PAGE) reload()
  }, [dead])
  const after = () => {
    setSelected(new Set())
    reload()
  }
  return html`
    ${error !== null && html`<${Trouble} error=${error} retry=${reload} />`}
    ${letters === null && error === null && html`<${Waiting} />`}
    ${
      letters?.length === 0 &&
      html`<${Empty} title="No dead letters">
        Each event has been worked on, or is still on its way. One whose last permitted lease ends without an
        acknowledgement becomes a dead letter, so that it holds up no other. It appears here with the reason; you send it to
        the back of the queue once that is mended, or delete it.
      <//>`
    }
    ${
      letters !== null &&
      letters.length > 0 &&
      html`
        <${Actions} subscription=${subscription} selected=${selected} after=${after} />
        <${Summary} at=${at} reload=${reload}>
          ${plural(letters.length, 'dead letter')}${restOf(letters.length, next !== null, dead)}
        <//>
        <${Table} subscription=${subscription} letters=${letters} selected=${selected} onSelected=${setSelected} after=${after} />
        ${next !== null && html`<button class="quiet more" onClick=${more}>Show older ones</button>`}`
    }`
}

/**
 * What the list does not show.
 * @param {number} shown
 * @param {boolean} hasMore
 * @param {number | undefined} dead how many there are as polled
 */
function restOf(shown, hasMore, dead) {
  if (hasMore) return dead === undefined ? ', and there are more' : ` of ${count(dead)}`
  return dead === undefined || dead === shown ? '' : `; there are ${count(dead)} now`
}

/**
 * @param {string} subscription
 * @param {string[]} [ids] all of them when not given
 */
async function redrive(subscription, ids) {
  const path = 'events/dead/redrive'
  let redriven = 0
  const bodies = ids === undefined ? [{ subscription }] : chunks(ids).map((ids) => ({ ids, subscription }))
  for (const body of bodies) {
    /** @type {{ redriven: number }} */
    const answer = await json(path, { method: 'POST', body })
    redriven += answer.redriven
  }
  return `${plural(redriven, 'event')} sent to the back of the queue.`
}

/**
 * @param {string} subscription
 * @param {string} id
 */
const remove = (subscription, id) =>
  request(`events/dead/${encodeURIComponent(id)}?${new URLSearchParams({ subscription })}`, { method: 'DELETE' })

/**
 * @param {string} subscription
 * @param {string[]} ids
 */
async function removeEach(subscription, ids) {
  for (const id of ids) {
    // Another operator may have been faster.
    await remove(subscription, id).catch((/** @type {import('../api.js').ApiError} */ error) => {
      if (error.status !== 404) throw error
    })
  }
  return `${plural(ids.length, 'dead letter')} deleted.`
}

/** @param {string[]} ids */
function chunks(ids) {
  const starts = Array.from({ length: Math.ceil(ids.length / MOST_IDS) }, (_, index) => index * MOST_IDS)
  return starts.map((start) => ids.slice(start, start + MOST_IDS))
}

/** @param {{ subscription: string, selected: Set<string>, after: () => void }} props */
function Actions({ subscription, selected, after }) {
  const some = async () => {
    const text = `${plural(selected.size, 'event')} will join the back of the queue, their leases counted anew.`
    if (await confirm({ title: 'Redrive the selected?', text, action: 'Redrive' })) {
      attempt(() => redrive(subscription, [...selected]), after)
    }
  }
  const all = async () => {
    const text = `Every dead letter of ${subscription}, also those not shown here, will join the back of the queue, its leases counted anew.`
    if (await confirm({ title: 'Redrive all dead letters?', text, action: 'Redrive all' })) {
      attempt(() => redrive(subscription), after)
    }
  }
  const removeSome = async () => {
    const text = `No consumer of ${subscription} will ever see these events. Their formulas stay.`
    const title = `Delete ${plural(selected.size, 'dead letter')}?`
    if (await confirm({ title, text, action: 'Delete', isGrave: true })) {
      attempt(() => removeEach(subscription, [...selected]), after)
    }
  }
  const isNone = selected.size === 0
  return html`<div class="actions">
    <button class="main" disabled=${isNone} onClick=${some}>Redrive selected (${selected.size})</button>
    <button class="quiet danger" disabled=${isNone} onClick=${removeSome}>Delete selected</button>
    <button class="quiet" onClick=${all}>Redrive all</button>
  </div>`
}

/**
 * @param {{
 *   subscription: string, letters: DeadLetter[], selected: Set<string>, onSelected: (ids: Set<string>) => void,
 *   after: () => void,
 * }} props
 */
function Table({ subscription, letters, selected, onSelected, after }) {
  const all = letters.every(({ id }) => selected.has(id))
  const toggle = (/** @type {string} */ id) => {
    const next = new Set(selected)
    if (!next.delete(id)) next.add(id)
    onSelected(next)
  }
  const toggleAll = () => onSelected(all ? new Set() : new Set(letters.map(({ id }) => id)))
  return html`<table class="rows letters">
    <thead>
      <tr>
        <td class="pick"><input type="checkbox" aria-label="Select all shown" checked=${all} onChange=${toggleAll} /></td>
        <th scope="col">Formula</th><th scope="col">Reason</th><th scope="col" class="number">Leases</th>
        <th scope="col">Died</th><td class="last"></td>
      </tr>
    </thead>
    <tbody>
      ${letters.map((letter) => {
        const { id } = letter
        return html`<${Letter} key=${id} subscription=${subscription} letter=${letter} isSelected=${selected.has(id)}
          onToggle=${() => toggle(id)} after=${after} />`
      })}
    </tbody>
  </table>`
}

/**
 * @param {{
 *   subscription: string, letter: DeadLetter, isSelected: boolean, onToggle: () => void, after: () => void,
 * }} props
 */
function Letter({ subscription, letter, isSelected, onToggle, after }) {
  const { id, name, reason, detail, receiveCount, diedAt } = letter
  const ask = async () => {
    const text = html`No consumer of ${subscription} will ever see the event of “<${Name} text=${name} />”. Its formula stays.`
    if (!(await confirm({ title: 'Delete this dead letter?', text, action: 'Delete', isGrave: true }))) return
    attempt(async () => {
      await remove(subscription, id)
      return html`The dead letter of “<${Name} text=${name} />” is deleted.`
    }, after)
  }
  return html`<tr>
    <td class="pick"><input type="checkbox" aria-label=${`Select ${name}`} checked=${isSelected} onChange=${onToggle} /></td>
    <th scope="row"><a href="#/formulas/${id}"><${Name} text=${name} /></a></th>
    <td data-name="Reason">
      <span class="reason">${reason}</span> ${REASONS[reason]}
      ${detail && html`<bdi class="detail">${detail}</bdi>`}
    </td>
    <td data-name="Leases" class="number">${receiveCount}</td>
    <td data-name="Died"><${Moment} iso=${diedAt} /></td>
    <td class="last"><button class="quiet danger small" onClick=${ask} aria-label=${`Delete ${name}`}>Delete</button></td>
  </tr>`
}
