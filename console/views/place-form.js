import { Choice, Field } from '../parts/field.js'
import { html, useLayoutEffect, useRef, useState } from '../vendor/htm-preact.js'
import { placeOf } from './effects.js'

/** @typedef {import('./effects.js').Place} Place */

const PLACES = /** @type {const} */ ([
  ['time', 'at a point in time'],
  ['start', 'with the oldest event that is kept'],
  ['end', 'with the next new event'],
])

/**
 * Asks for a place in the event log, and says what choosing it does. When it is sent, the first field with a problem
 * gets the focus.
 * @param {{
 *   id: string, title: string, label: string, first: Place['kind'], effect: (place: Place) => string, action: string,
 *   onSend: (place: string | null, effect: string) => Promise<void>, children?: unknown,
 * }} props `onSend` gets null when no time is given
 */
export function PlaceForm({ id, title, label, first, effect, action, onSend, children }) {
  const [place, setPlace] = useState(/** @type {Place} */ ({ kind: first, time: '' }))
  const [sent, setSent] = useState(0)
  const form = useRef(/** @type {HTMLFormElement | null} */ (null))
  // In the layout phase: input before the next frame must not be lost.
  useLayoutEffect(() => form.current?.querySelector(/** @type {'input'} */ ('[aria-invalid=true]'))?.focus(), [sent])
  const at = placeOf(place)
  const isSending = useRef(false)
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault()
    // The second half of a double click.
    if (isSending.current) return
    isSending.current = true
    setSent(sent + 1)
    await onSend(at, effect(place))
    isSending.current = false
  }
  return html`<form class="card panel" ref=${form} onSubmit=${submit} aria-labelledby=${`${id}-title`} novalidate>
    <h2 id=${`${id}-title`}>${title}</h2>
    ${children}
    <${Choice} id=${`${id}-place`} label=${label} value=${place.kind} options=${PLACES}
      onValue=${(/** @type {Place['kind']} */ kind) => setPlace({ ...place, kind })} />
    ${
      place.kind === 'time' &&
      html`<${Field} id=${`${id}-time`} label="Time" type="datetime-local" max="9999-12-31T23:59" value=${place.time}
        error=${sent > 0 && at === null ? 'Give a date and a time' : undefined}
        hint=${at === null ? 'By your clock' : `By your clock; in UTC it is ${at}`}
        onValue=${(/** @type {string} */ time) => setPlace({ ...place, time })} />`
    }
    <p id=${`${id}-effect`}>${effect(place)}</p>
    <div class="actions"><button class="main" aria-describedby=${`${id}-effect`}>${action}</button></div>
  </form>`
}
