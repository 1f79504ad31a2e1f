import { Rows } from '../parts/rows.js'
import { html, useState } from '../vendor/htm-preact.js'
import { newNote } from './draft.js'

/** @typedef {import('./draft.js').Note} Note */

const MOST_NOTES = 16

const NOTE = [
  { part: 'key', placeholder: 'cas.linalool' },
  { part: 'value', label: 'Value' },
]

/**
 * The caller's own notes, folded away until there are some.
 * @param {{ notes: Note[], errors: Map<string, string>, onNotes: (notes: Note[]) => void }} props
 */
export function Metadata({ notes, errors, onNotes }) {
  const [isOpen, setOpen] = useState(notes.length > 0)
  const hasErrors = notes.some(({ id }) => errors.has(`key-${id}`))
  const toggled = (/** @type {Event} */ { target }) => setOpen(/** @type {HTMLDetailsElement} */ (target).open)
  return html`<details class="more-fields" open=${isOpen || hasErrors} onToggle=${toggled}>
    <summary>Metadata (optional)</summary>
    <fieldset aria-label="Metadata">
      <p class="hint">Your own notes, such as a project or CAS numbers. They play no part in whether a formula is known.</p>
      <${Rows} what="Note" rows=${notes} columns=${NOTE} errors=${errors} empty=${newNote} most=${MOST_NOTES} onRows=${onNotes} />
    </fieldset>
  </details>`
}
