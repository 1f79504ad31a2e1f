/** @typedef {import('./draft.js').Row} Row */

const DECIMAL_COMMA = /^\d+,\d+$/

/**
 * The rows of a text copied from a spreadsheet: lines of a name and a concentration with a tab between. One column alone
 * goes to the field that it is pasted into.
 * @param {string} text
 * @param {string} part the field that it is pasted into
 * @returns {{ name?: string, concentration?: string }[] | null} null where it is a text for one field
 */
export function pastedRows(text, part) {
  if (!/[\t\n\r]/.test(text.trim())) return null
  const lines = text.split(/\r\n|\n|\r/).filter((line) => line.trim() !== '')
  return lines.map((line) => {
    const [first = '', second] = line.split('\t').map((cell) => cell.trim())
    return second === undefined ? { [part]: first } : { name: first, concentration: second }
  })
}

/**
 * Puts pasted rows in place from one row on: they go over what is there, and lengthen the list.
 * @param {Row[]} rows
 * @param {number} index
 * @param {{ name?: string, concentration?: string }[]} pasted
 * @param {() => Row} empty
 */
export function placed(rows, index, pasted, empty) {
  const filled = pasted.map((cells, offset) => ({ ...(rows[index + offset] ?? empty()), ...cells }))
  return rows.toSpliced(index, pasted.length, ...filled)
}

/**
 * Whether a concentration has a comma where others have a point.
 * @param {{ concentration?: string }} row
 */
export const hasComma = ({ concentration = '' }) => DECIMAL_COMMA.test(concentration.trim())

/** @param {string} text */
export const withPoint = (text) => text.trim().replace(',', '.')
