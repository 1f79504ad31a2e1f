import { Name } from '../parts/text.js'
import { html } from '../vendor/htm-preact.js'

/** @typedef {import('../api.js').ApiError} ApiError */

/**
 * Says that a formula is stored.
 * @param {import('./formulas.js').Formula} formula
 * @param {boolean} isChanged whether the form was changed after it was sent
 */
export const storedWords = ({ id, name }, isChanged) =>
  html`<a href="#/formulas/${id}"><${Name} text=${name} /></a> is stored.${isChanged && ' What was changed since stays in the form.'}`

/**
 * Why a form was not stored, and what to do.
 * @param {{ error: ApiError, hasFields: boolean, action: string }} props `action` is the name of the button
 */
export function Failure({ error, hasFields, action }) {
  const known = error.code === 'FORMULA_EXISTS' ? error.details[0]?.id : undefined
  const isOpen = error.status === 0 || error.status >= 500 || error.code === 'IDEMPOTENCY_KEY_IN_USE'
  const text = error.status === 403 ? error.why : error.message
  return html`<div class="failure" role="alert">
    <p>${hasFields ? 'Nothing was stored. Correct the fields that are marked, and submit it again.' : text.replace(/\.?$/, '.')}</p>
    ${known !== undefined && html`<p><a href="#/formulas/${known}">See the formula that is stored</a></p>`}
    ${isOpen && html`<p>It is safe to press “${action}” again: it is sent with the same key, and stored once.</p>`}
  </div>`
}
