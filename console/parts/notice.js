import { createStore, useStore } from '../store.js'
import { html } from '../vendor/htm-preact.js'

/** @typedef {string | ReturnType<typeof html>} Words */

const notice = createStore(/** @type {Words} */ (''))

/**
 * Says what came of something: on the page, and to a screen reader without taking the focus.
 * @param {Words} text
 */
export const announce = (text) => notice.set(text)

function dismiss() {
  announce('')
  // The button that had the focus is gone.
  document.querySelector('h1')?.focus()
}

/** Where it is said. It is on the page all the time, or screen readers would not watch it. */
export function Notice() {
  const text = useStore(notice)
  return html`<div class="notice" role="status">
    ${text !== '' && html`<p>${text}</p><button class="quiet" onClick=${dismiss}>Dismiss</button>`}
  </div>`
}
