import { html, useLayoutEffect, useRef } from '../vendor/htm-preact.js'
import { Choice, Field } from './field.js'

/**
 * @typedef {{ id: number } & Record<string, any>} Row its texts by part; the key `id` stays while rows are added and removed
 *
 * One field of each row: `part` is its text in the row; the element's id is `part-id`. Without a label it has that of the
 * row; with `options` it is a choice. It is empty and disabled in rows that make no use of it.
 * @typedef {{
 *   part: string, label?: string, options?: [string, string][], isUnused?: (row: any) => boolean, [attribute: string]: unknown,
 * }} Column
 */

/**
 * Rows of fields that the operator adds and removes.
 * @param {{
 *   what: string, rows: Row[], columns: Column[], errors: Map<string, string>, empty: () => Row, most: number,
 *   least?: number, onRows: (rows: any[]) => void, onPaste?: (event: ClipboardEvent, index: number, part: string) => void,
 * }} props `what` names one row
 */
export function Rows({ what, rows, columns, errors, empty, most, least = 0, onRows, onPaste }) {
  const wanted = useRef(/** @type {string | null} */ (null))
  // Focus the row that was added, or the one beside a removed row; in the layout phase, or input before that is lost.
  useLayoutEffect(() => {
    if (wanted.current !== null) document.getElementById(wanted.current)?.focus()
    wanted.current = null
  })
  const [first] = /** @type {[Column]} */ (columns)
  const add = () => {
    const row = empty()
    wanted.current = `${first.part}-${row.id}`
    onRows([...rows, row])
  }
  const adder = `add-${first.part}`
  const remove = (/** @type {number} */ index) => () => {
    const next = rows.toSpliced(index, 1)
    const beside = next[Math.min(index, next.length - 1)]
    wanted.current = beside === undefined ? adder : `${first.part}-${beside.id}`
    onRows(next)
  }
  const change = (/** @type {number} */ index, /** @type {string} */ part, /** @type {string} */ text) =>
    onRows(rows.map((row, at) => (at === index ? { ...row, [part]: text } : row)))
  return html`
    ${rows.map((row, index) => {
      const named = `${what} ${index + 1}`
      return html`<div class="row" key=${row.id} role="group" aria-label=${named} style=${{ '--columns': columns.length }}>
        ${columns.map(({ part, label, options, isUnused, ...attributes }) => {
          const id = `${part}-${row.id}`
          const disabled = isUnused?.(row) ?? false
          const shared = { id, label: label ?? named, value: disabled ? '' : row[part] }
          const onValue = (/** @type {string} */ text) => change(index, part, text)
          if (options) return html`<${Choice} key=${part} ...${shared} options=${options} onValue=${onValue} />`
          const paste = onPaste && ((/** @type {ClipboardEvent} */ event) => onPaste(event, index, part))
          return html`<${Field} key=${part} ...${shared} ...${attributes} disabled=${disabled} error=${errors.get(id)} onValue=${onValue} onPaste=${paste} />`
        })}
        ${
          rows.length > least &&
          html`<button type="button" class="quiet" onClick=${remove(index)} aria-label=${`Remove ${named.toLowerCase()}`}>
            Remove
          </button>`
        }
      </div>`
    })}
    ${rows.length < most && html`<button type="button" id=${adder} class="quiet" onClick=${add}>Add a ${what.toLowerCase()}</button>`}`
}
