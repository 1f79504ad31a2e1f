/** @typedef {import('./draft.js').Row} Row */

const DECIMAL_COMMA = /^\d+,\d+$/

/** A cell in quotes, as spreadsheets write one that holds a line break or a tab; quotes in it are then doubled. */
const QUOTED = /(?<=^|[\t\n\r])"((?:[^"]|"")*)"(?=[\t\n\r]|$)/g

/**
 * The rows of a text copied from a spreadsheet: lines of a name and a concentration with a tab between. One column alone
 * goes to the field that it is pasted into. Empty cells keep their places, except those at the end: not every spreadsheet
 * writes them.
 * @param {string} text
 * @param {string} part the field that it is pasted into
 * @returns {{ name?: string, concentration?: string }[] | null} null where it is a text for one field
 */
export function pastedRows(text, part) {
  const given = text.trimEnd()
  const plain = given.replace(QUOTED, withoutQuotes)
  if (plain === given && !/[\t\n\r]/.test(plain)) return null
  const lines = plain.split(/\r\n|\n|\r/).map((line) => line.split('\t').map((cell) => cell.trim()))
  // An empty column beside the concentrations lies outside the form.
  const isPair = lines.some(([, second]) => (part === 'name' ? second !== undefined : second))
  return lines.map(([first = '', second = '']) => (isPair ? { name: first, concentration: second } : { [part]: first }))
}

/**
 * @param {string} cell
 * @param {string} inside what stands between its first and its last quote
 */
function withoutQuotes(cell, inside) {
  // No spreadsheet puts quotes around any other text: they belong to the name.
  return /[\t\n\r]|""/.test(inside) ? inside.replaceAll('""', '"').replace(/\s+/g, ' ') : cell
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

/**
 * The rows whose comma may be a decimal one. None where another concentration has a point: commas or points then separate
 * thousands.
 * @template {{ concentration?: string }} R
 * @param {R[]} rows
 */
export const decimalCommas = (rows) => (rows.some(hasPoint) ? [] : rows.filter(hasComma))

/** @param {{ concentration?: string }} row */
const hasPoint = ({ concentration = '' }) => concentration.includes('.')

/** @param {string} text */
export const withPoint = (text) => text.trim().replace(',', '.')
