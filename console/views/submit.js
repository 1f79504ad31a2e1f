import { ApiError, access, json } from '../api.js'
import { plural } from '../format.js'
import { confirm } from '../parts/confirm.js'
import { Field } from '../parts/field.js'
import { announce } from '../parts/notice.js'
import { Rows } from '../parts/rows.js'
import { Heading } from '../parts/text.js'
import { createStore, useStore } from '../store.js'
import { html, useLayoutEffect, useRef, useState } from '../vendor/htm-preact.js'
import { bodyOf, fieldOf, filledRows, KeyOfDraft, newDraft, newRow, repeatedKey } from './draft.js'
import { Metadata } from './metadata.js'
import { Failure, storedWords } from './outcome.js'
import { decimalCommas, hasComma, pastedRows, placed, withPoint } from './pasted.js'

/**
 * @typedef {import('./draft.js').Draft} Draft
 * @typedef {import('./formulas.js').Formula} Formula
 * @typedef {{ formula: Formula } | { error: ApiError }} Outcome
 */

const MOST_MATERIALS = 500
const ACTION = 'Submit the formula'

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
  const { name, rows, notes } = useStore(draft)
  const [failure, setFailure] = useState(/** @type {ApiError | null} */ (null))
  const [errors, setErrors] = useState(/** @type {Map<string, string>} */ (new Map()))
  const [isSending, setSending] = useState(false)
  const form = useRef(/** @type {HTMLFormElement | null} */ (null))

  // Focus the first invalid field; in the layout phase, as with rows below.
  useLayoutEffect(() => form.current?.querySelector(/** @type {'input'} */ ('[aria-invalid=true]'))?.focus(), [errors])

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault()
    if (isSending) return
    const sent = draft.get()
    const repeated = repeatedKey(sent.notes)
    if (repeated !== null) return setErrors(new Map([[repeated, 'This key is there twice']]))
    setSending(true)
    const outcome = await send(sent)
    setSending(false)
    const error = 'error' in outcome ? outcome.error : null
    setFailure(error)
    setErrors(error === null ? new Map() : errorsOf(error, sent))
    if (!('formula' in outcome)) return
    announce(storedWords(outcome.formula, draft.get() !== sent))
    // Keep what was typed meanwhile.
    if (draft.get() !== sent) return
    const isInRow = form.current?.querySelector('fieldset')?.contains(document.activeElement)
    beginDraft()
    // The form has new rows now.
    if (isInRow) form.current?.querySelector('input')?.focus()
  }
  const change = (/** @type {Partial<Draft>} */ part) => {
    draft.set({ ...draft.get(), ...part })
    setFailure(null)
  }
  return html`
    <${Heading} kicker="By hand">Submit a formula<//>
    <form class="card panel" ref=${form} onSubmit=${submit} novalidate>
      ${failure !== null && html`<${Failure} error=${failure} hasFields=${errors.size > 0} action=${ACTION} />`}
      <${Field} id="name" label="Name of the formula" value=${name} error=${errors.get('name')}
        onValue=${(/** @type {string} */ name) => change({ name })} />
      <fieldset>
        <legend>Materials</legend>
        <p class="hint">Rows copied from a spreadsheet, name and concentration, can be pasted into the first field.</p>
        <${Rows} what="Material" rows=${rows} columns=${MATERIAL} errors=${errors} empty=${newRow} most=${MOST_MATERIALS} least=${1}
          onRows=${(/** @type {Draft['rows']} */ rows) => change({ rows })} onPaste=${paste} />
      </fieldset>
      <${Metadata} notes=${notes} errors=${errors} onNotes=${(/** @type {Draft['notes']} */ notes) => change({ notes })} />
      <div class="actions">
        <button class="main" aria-disabled=${isSending}>${isSending ? 'Submitting…' : ACTION}</button>
      </div>
    </form>`
}

const MATERIAL = [{ part: 'name' }, { part: 'concentration', label: 'Concentration', inputmode: 'decimal' }]

/**
 * Takes rows from a spreadsheet. Whether their commas are decimal ones is for the operator to say.
 * @param {ClipboardEvent} event
 * @param {number} index
 * @param {string} part
 */
async function paste(event, index, part) {
  const pasted = pastedRows(event.clipboardData?.getData('text/plain') ?? '', part)
  if (pasted === null) return
  event.preventDefault()
  const { rows } = draft.get()
  if (index + pasted.length > MOST_MATERIALS)
    return announce(`Nothing is pasted: a formula has at most ${MOST_MATERIALS} materials.`)
  const after = placed(rows, index, pasted, newRow)
  draft.set({ ...draft.get(), rows: after })
  const commas = decimalCommas(pasted)
  const isMixed = commas.length === 0 && pasted.some(hasComma)
  const warning = isMixed ? ' Some have a comma and some a point: write each concentration as 1000.5.' : ''
  announce(`${plural(pasted.length, 'row')} pasted.${warning}`)
  if (commas.length > 0) await offerPoints(commas, after.slice(index, index + pasted.length))
}

/**
 * Asks whether the commas of pasted rows are decimal ones, and makes them points if so.
 * @param {{ concentration?: string }[]} commas
 * @param {Draft['rows']} pasted
 */
async function offerPoints([{ concentration = '' } = {}, ...others], pasted) {
  const text = `There is a comma in ${others.length + 1} of ${plural(pasted.length, 'concentration')}, such as ${concentration}. A decimal comma becomes a point: ${withPoint(concentration)}.`
  if (!(await confirm({ title: 'Are these decimal commas?', text, action: 'Write points', refusal: 'Leave them' })))
    return
  const ids = new Set(pasted.map(({ id }) => id))
  const now = draft.get()
  const rows = now.rows.map((row) =>
    ids.has(row.id) && hasComma(row) ? { ...row, concentration: withPoint(row.concentration) } : row,
  )
  draft.set({ ...now, rows })
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
 * @param {Draft} sent
 */
function errorsOf({ details }, sent) {
  const rows = filledRows(sent.rows)
  /** @type {Map<string, string>} */
  const errors = new Map()
  for (const { path, message } of details) {
    const field = fieldOf(path, rows, sent.notes)
    if (field === null || errors.has(field)) continue
    const typed = rows.find(({ id }) => field === `concentration-${id}`)
    errors.set(
      field,
      typed && hasComma(typed) ? `Write ${withPoint(typed.concentration)}, with a point. ${message}` : message,
    )
  }
  return errors
}
