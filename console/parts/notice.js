import { createStore, useStore } from '../store.js'
import { html } from '../vendor/htm-preact.js'

/** @typedef {string | ReturnType<typeof html>} Words */

const notice = createStore(/** @type {Words} */ (''))

/**
 * Shows the result of an action on the page, and announces it to screen readers without moving the focus.
 * @param {Words} text
 */
export const announce = (text) => notice.set(text)

function dismiss() {
  announce('')
  // The button that had the focus is gone.
  document.querySelector('h1')?.focus()
}

/** The place of notices. It is always on the page: screen readers announce only changes of what they know. */
export function Notice() {
  const text = useStore(notice)
  return html`<div class="notice" role="status">
    ${text !== '' && html`<p>${text}</p><button class="quiet" onClick=${dismiss}>Dismiss</button>`}
  </div>`
}
