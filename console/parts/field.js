import { html } from '../vendor/htm-preact.js'

/**
 * A labelled input, with its problem or else a hint below it.
 * @param {{
 *   id: string, label: string, value: string, error?: string, hint?: unknown, onValue: (value: string) => void,
 *   [attribute: string]: unknown,
 * }} props other attributes are those of the input
 */
export function Field({ id, label, value, error, hint, onValue, ...attributes }) {
  const note = error ?? hint
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <input id=${id} value=${value} autocomplete="off" spellcheck="false" ...${attributes}
      aria-invalid=${error !== undefined} aria-describedby=${note === undefined ? null : `${id}-note`}
      onInput=${(/** @type {InputEvent} */ { target }) => onValue(/** @type {HTMLInputElement} */ (target).value)} />
    ${note !== undefined && html`<p class=${error === undefined ? 'hint' : 'error'} id=${`${id}-note`}>${note}</p>`}
  </div>`
}

/**
 * A labelled choice of one among several.
 * @param {{
 *   id: string, label: string, value: string, options: readonly (readonly [value: string, text: string])[],
 *   onValue: (value: string) => void,
 * }} props
 */
export const Choice = ({ id, label, value, options, onValue }) =>
  html`<div class="field">
    <label for=${id}>${label}</label>
    <select id=${id} onChange=${(/** @type {Event} */ { target }) => onValue(/** @type {HTMLSelectElement} */ (target).value)}>
      ${options.map(([own, text]) => html`<option key=${own} value=${own} selected=${own === value}>${text}</option>`)}
    </select>
  </div>`
