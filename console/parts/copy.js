import { html } from '../vendor/htm-preact.js'
import { announce } from './notice.js'

/**
 * A button that copies a text.
 * @param {{ what: string, text: () => string }} props
 */
export const Copy = ({ what, text }) =>
  html`<button class="quiet small" onClick=${() => copy(text(), what)}>Copy ${what}</button>`

/**
 * @param {string} text
 * @param {string} what
 */
async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text)
    announce(`Copied ${what}.`)
  } catch {
    // Browsers allow the clipboard only on https and localhost.
    announce('This browser lets pages copy only on https and localhost.')
  }
}
