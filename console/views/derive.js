import { json } from '../api.js'
import { Field } from '../parts/field.js'
import { announce } from '../parts/notice.js'
import { Rows } from '../parts/rows.js'
import { Heading, Name } from '../parts/text.js'
import { go } from '../router.js'
import { html, useLayoutEffect, useRef, useState } from '../vendor/htm-preact.js'
import { bodyOfDerivation, fieldOfChange, filledChanges, newChange, OPERATIONS, preview } from './changes.js'
import { fieldOf, KeyOfDraft, repeatedKey } from './draft.js'
import { Decimal, longestFraction } from './materials.js'
import { Metadata } from './metadata.js'
import { Failure, storedWords } from './outcome.js'

/**
 * @typedef {import('../api.js').ApiError} ApiError
 * @typedef {import('./changes.js').Derivation} Derivation
 * @typedef {import('./formulas.js').Formula} Formula
 */

const MOST_CHANGES = 1000
const ACTION = 'Store the new formula'

/**
 * Derives a formula from another one, and shows the result while it is written.
 * @param {{ formula: Formula }} props
 */
export function Derive({ formula }) {
  const { id, name: parent, materials } = formula
  const [derivation, setDerivation] = useState(
    () => /** @type {Derivation} */ ({ name: '', changes: [newChange()], scale: '', notes: [] }),
  )
  const [failure, setFailure] = useState(/** @type {ApiError | null} */ (null))
  const [errors, setErrors] = useState(/** @type {Map<string, string>} */ (new Map()))
  const [isSending, setSending] = useState(false)
  const key = useRef(new KeyOfDraft())
  const form = useRef(/** @type {HTMLFormElement | null} */ (null))
  useLayoutEffect(() => form.current?.querySelector(/** @type {'input'} */ ('[aria-invalid=true]'))?.focus(), [errors])
  // What the form holds while an answer is awaited; null once the operator has left it.
  const latest = useRef(/** @type {Derivation | null} */ (null))
  useLayoutEffect(() => {
    latest.current = derivation
    return () => {
      latest.current = null
    }
  }, [derivation])
  const change = (/** @type {Partial<Derivation>} */ part) => {
    setDerivation((now) => ({ ...now, ...part }))
    setFailure(null)
  }
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault()
    if (isSending) return
    const repeated = repeatedKey(derivation.notes)
    if (repeated !== null) return setErrors(new Map([[repeated, 'This key is there twice']]))
    setSending(true)
    const body = bodyOfDerivation(derivation)
    try {
      const headers = { 'idempotency-key': key.current.keyFor(body) }
      /** @type {{ formulas: [Formula] }} */
      const { formulas } = await json(`formulas/${id}/derive`, { method: 'POST', body, headers })
      if (latest.current === derivation) return go(`#/formulas/${formulas[0].id}`)
      announce(storedWords(formulas[0], latest.current !== null))
      setErrors(new Map())
      setSending(false)
    } catch (error) {
      setFailure(/** @type {ApiError} */ (error))
      setErrors(errorsOf(/** @type {ApiError} */ (error), derivation))
      setSending(false)
    }
  }
  const { name, changes, scale, notes } = derivation
  return html`
    <${Heading} kicker="Derive a new formula from" title=${`Derive from ${parent}`}><${Name} text=${parent} /><//>
    <p><a href="#/formulas/${id}">Back to the formula</a></p>
    <form class="card panel" ref=${form} onSubmit=${submit} novalidate>
      ${failure !== null && html`<${Failure} error=${failure} hasFields=${errors.size > 0} action=${ACTION} />`}
      <${Field} id="name" label="Name of the new formula" value=${name} error=${errors.get('name')}
        onValue=${(/** @type {string} */ name) => change({ name })} />
      <fieldset>
        <legend>Changes</legend>
        <p class="hint">They are applied in this order. “Set to” adds a material that is not there.</p>
        <datalist id="materials">${materials.map(({ name }) => html`<option key=${name} value=${name}></option>`)}</datalist>
        <${Rows} what="Change" rows=${changes} columns=${CHANGE} errors=${errors} empty=${newChange} most=${MOST_CHANGES}
          onRows=${(/** @type {Derivation['changes']} */ changes) => change({ changes })} />
      </fieldset>
      <${Field} id="scale" label="Then multiply by (optional)" value=${scale} inputmode="decimal" placeholder="1" error=${errors.get('scale')}
        hint="Every concentration: 0.5 halves the formula."
        onValue=${(/** @type {string} */ scale) => change({ scale })} />
      <${Metadata} notes=${notes} errors=${errors} onNotes=${(/** @type {Derivation['notes']} */ notes) => change({ notes })} />
      <div class="actions"><button class="main" aria-disabled=${isSending}>${isSending ? 'Submitting…' : ACTION}</button></div>
    </form>
    <${Result} formula=${formula} derivation=${derivation} />`
}

/** @param {Derivation['changes'][number]} change */
const removes = ({ operation }) => operation === 'remove'

const CHANGE = [
  { part: 'material', label: 'Material', list: 'materials' },
  { part: 'operation', label: 'Operation', options: OPERATIONS },
  { part: 'amount', label: 'Amount', inputmode: 'decimal', isUnused: removes },
]

/**
 * @param {ApiError} error
 * @param {Derivation} sent
 */
function errorsOf({ details }, { changes, notes }) {
  /** @type {Map<string, string>} */
  const errors = new Map()
  for (const { path, message } of details) {
    const field = fieldOfChange(path, filledChanges(changes)) ?? fieldOf(path, [], notes)
    if (field !== null && !errors.has(field)) errors.set(field, message)
  }
  return errors
}

/**
 * The materials as they would be stored, and the exact totals.
 * @param {{ formula: Formula, derivation: Derivation }} props
 */
function Result({ formula: { materials }, derivation }) {
  const { outcomes, before, after } = preview(materials, derivation)
  const fraction = longestFraction([
    before,
    after ?? '',
    ...outcomes.flatMap(({ before, after }) => [before ?? '', after ?? '']),
  ])
  const row = (
    /** @type {import('./changes.js').Outcome} */ { name, before, after },
  ) => html`<tr key=${name} class=${before === after ? null : 'changed'}>
    <th scope="row"><${Name} text=${name} /></th>
    <td class="number" data-name="Before">${before === null ? 'new' : html`<${Decimal} text=${before} fraction=${fraction} />`}</td>
    <td class="number" data-name="After">${after === undefined ? 'removed' : after === null ? 'not known yet' : html`<${Decimal} text=${after} fraction=${fraction} />`}</td>
  </tr>`
  return html`<section class="card sheet" aria-labelledby="result-title">
    <h2 id="result-title">What it becomes</h2>
    <p class="hint" role="status">The total is ${before} before, and ${after ?? 'not known yet'} after.</p>
    <table class="materials result">
      <thead>
        <tr><th scope="col">Material</th><th scope="col" class="number">Before</th><th scope="col" class="number">After</th></tr>
      </thead>
      <tbody>${outcomes.map(row)}</tbody>
      <tfoot>${row({ name: 'Total', before, after })}</tfoot>
    </table>
  </section>`
}
