import { ApiError, access, json } from '../api.js'
import { Field } from '../parts/field.js'
import { announce } from '../parts/notice.js'
import { Heading, Name } from '../parts/text.js'
import { createStore, useStore } from '../store.js'
import { html, useLayoutEffect, useRef, useState } from '../vendor/htm-preact.js'
import { bodyOf, fieldOf, filledRows, KeyOfDraft, newDraft, newRow } from './draft.js'

/**
 * @typedef {import('./draft.js').Draft} Draft
 * @typedef {import('./draft.js').Row} Row
 * @typedef {import('./formulas.js').Formula} Formula
 * @typedef {{ formula: Formula } | { error: ApiError }} Outcome
 */

const MOST_MATERIALS = 500
const DECIMAL_COMMA = /^\s*\d+,\d+\s*$/

/** The draft outlives the view: the operator may look elsewhere, or have to enter another API key. */
const draft = createStore(newDraft())
const draftKey = new KeyOfDraft()

function beginDraft() {
  draft.set(newDraft())
  draftKey.finish()
}

// An operator who forgets the key may leave the tab to somebody else.
access.watch(() => {
  if (access.get().asked === 'none') beginDraft()
})

/** Submits one formula by hand. */
export function Submit() {
  const { name, rows } = useStore(draft)
  const [failure, setFailure] = useState(/** @type {ApiError | null} */ (null))
  const [errors, setErrors] = useState(/** @type {Map<string, string>} */ (new Map()))
  const [isSending, setSending] = useState(false)
  const form = useRef(/** @type {HTMLFormElement | null} */ (null))

  // Focus the first invalid field; in the layout phase, as with rows below.
  useLayoutEffect(() => form.current?.querySelector(/** @type {'input'} */ ('[aria-invalid=true]'))?.focus(), [errors])

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault()
    if (isSending) return
    setSending(true)
    const sent = draft.get()
    const outcome = await send(sent)
    setSending(false)
    const error = 'error' in outcome ? outcome.error : null
    setFailure(error)
    setErrors(error === null ? new Map() : errorsOf(error, filledRows(sent.rows)))
    if (!('formula' in outcome)) return
    const isInRow = form.current?.querySelector('fieldset')?.contains(document.activeElement)
    beginDraft()
    // The form has new rows now.
    if (isInRow) form.current?.querySelector('input')?.focus()
    const { id, name } = outcome.formula
    announce(html`<a href="#/formulas/${id}"><${Name} text=${name} /></a> is stored.`)
  }
  const change = (/** @type {Partial<Draft>} */ part) => {
    draft.set({ ...draft.get(), ...part })
    setFailure(null)
  }
  return html`
    <${Heading} kicker="By hand">Submit a formula<//>
    <form class="card panel" ref=${form} onSubmit=${submit} novalidate>
      ${failure !== null && html`<${Failure} error=${failure} hasFields=${errors.size > 0} />`}
      <${Field} id="name" label="Name of the formula" value=${name} error=${errors.get('name')}
        onValue=${(/** @type {string} */ name) => change({ name })} />
      <${Materials} rows=${rows} errors=${errors} onRows=${(/** @type {Row[]} */ rows) => change({ rows })} />
      <div class="actions">
        <button class="main" aria-disabled=${isSending}>${isSending ? 'Submitting…' : 'Submit the formula'}</button>
      </div>
    </form>`
}

/**
 * @param {Draft} sent
 * @returns {Promise<Outcome>}
 */
async function send(sent) {
  const body = bodyOf(sent)
  try {
    const headers = { 'idempotency-key': draftKey.keyFor(body) }
    /** @type {{ formulas: [Formula] }} */
    const { formulas } = await json('formulas', { method: 'POST', body, headers })
    return { formula: formulas[0] }
  } catch (error) {
    return { error: /** @type {ApiError} */ (error) }
  }
}

/**
 * @param {ApiError} error
 * @param {Row[]} rows
 */
function errorsOf({ details }, rows) {
  /** @type {Map<string, string>} */
  const errors = new Map()
  for (const { path, message } of details) {
    const field = fieldOf(path, rows)
    if (field === null || errors.has(field)) continue
    const typed = rows.find(({ id }) => field === `concentration-${id}`)?.concentration ?? ''
    errors.set(
      field,
      DECIMAL_COMMA.test(typed) ? `Write ${typed.trim().replace(',', '.')}, with a point. ${message}` : message,
    )
  }
  return errors
}

/** @param {{ rows: Row[], errors: Map<string, string>, onRows: (rows: Row[]) => void }} props */
function Materials({ rows, errors, onRows }) {
  const wanted = useRef(/** @type {string | null} */ (null))
  // Focus the row that was added, or the one beside a removed row; in the layout phase, or input before that is lost.
  useLayoutEffect(() => {
    if (wanted.current !== null) document.getElementById(wanted.current)?.focus()
    wanted.current = null
  })
  const add = () => {
    const row = newRow()
    wanted.current = `name-${row.id}`
    onRows([...rows, row])
  }
  const remove = (/** @type {number} */ index) => () => {
    const next = rows.toSpliced(index, 1)
    wanted.current = `name-${next[Math.min(index, next.length - 1)]?.id}`
    onRows(next)
  }
  const change = (/** @type {number} */ index, /** @type {Partial<Row>} */ part) =>
    onRows(rows.map((row, at) => (at === index ? { ...row, ...part } : row)))
  return html`<fieldset>
    <legend>Materials</legend>
    ${rows.map(
      (
        { id, name, concentration },
        index,
      ) => html`<div class="material" key=${id} role="group" aria-label=${`Material ${index + 1}`}>
        <${Field} id=${`name-${id}`} label=${`Material ${index + 1}`} value=${name} error=${errors.get(`name-${id}`)}
          onValue=${(/** @type {string} */ name) => change(index, { name })} />
        <${Field} id=${`concentration-${id}`} label="Concentration" value=${concentration} inputmode="decimal"
          error=${errors.get(`concentration-${id}`)}
          onValue=${(/** @type {string} */ concentration) => change(index, { concentration })} />
        ${
          rows.length > 1 &&
          html`<button type="button" class="quiet" onClick=${remove(index)} aria-label=${`Remove material ${index + 1}`}>
            Remove
          </button>`
        }
      </div>`,
    )}
    ${rows.length < MOST_MATERIALS && html`<button type="button" class="quiet" onClick=${add}>Add a material</button>`}
  </fieldset>`
}

/** @param {{ error: ApiError, hasFields: boolean }} props */
function Failure({ error, hasFields }) {
  const known = error.code === 'FORMULA_EXISTS' ? error.details[0]?.id : undefined
  const isOpen = error.status === 0 || error.status >= 500 || error.code === 'IDEMPOTENCY_KEY_IN_USE'
  const text = error.status === 403 ? error.why : error.message
  return html`<div class="failure" role="alert">
    <p>${hasFields ? 'Nothing was stored. Correct the fields that are marked, and submit it again.' : text.replace(/\.?$/, '.')}</p>
    ${known !== undefined && html`<p><a href="#/formulas/${known}">See the formula that is stored</a></p>`}
    ${isOpen && html`<p>It is safe to press “Submit the formula” again: it is sent with the same key, and stored once.</p>`}
  </div>`
}
