import { createStore, useStore } from '../store.js'
import { html, useLayoutEffect, useRef } from '../vendor/htm-preact.js'

/**
 * @typedef {{ title: string, text: import('./notice.js').Words, action: string, refusal?: string, isGrave?: boolean }} Question
 * @typedef {Question & { answer: (yes: boolean) => void }} Asked
 */

const asked = createStore(/** @type {Asked | null} */ (null))

/**
 * Asks the operator to confirm an action.
 * @param {Question} question
 * @returns {Promise<boolean>}
 */
export function confirm(question) {
  return new Promise((resolve) => {
    const answer = (/** @type {boolean} */ yes) => {
      asked.set(null)
      resolve(yes)
    }
    asked.set({ ...question, answer })
  })
}

/** The dialog of `confirm`: Escape cancels, and the focus returns to where it was. */
export function ConfirmDialog() {
  const question = useStore(asked)
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null))
  // In the layout phase: a key pressed before it opens would go to the page behind.
  useLayoutEffect(() => {
    if (question !== null) dialog.current?.showModal()
  }, [question])
  if (question === null) return null
  const { title, text, action, refusal = 'Cancel', isGrave, answer } = question
  const end = (/** @type {boolean} */ yes) => () => {
    // Close it before it is removed, or the focus is lost.
    dialog.current?.close()
    answer(yes)
  }
  return html`<dialog ref=${dialog} aria-labelledby="confirm-title" aria-describedby="confirm-text" onCancel=${end(false)}>
    <h2 id="confirm-title">${title}</h2>
    <p id="confirm-text">${text}</p>
    <div class="actions">
      <button class="quiet" onClick=${end(false)}>${refusal}</button>
      <button class=${isGrave ? 'grave' : 'main'} onClick=${end(true)}>${action}</button>
    </div>
  </dialog>`
}
