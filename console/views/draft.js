/**
 * @typedef {{ id: number, name: string, concentration: string }} Row `id` is the row's key while rows are added and removed
 * @typedef {{ name: string, rows: Row[] }} Draft
 */

let rows = 0

/** @returns {Row} */
export const newRow = () => ({ id: ++rows, name: '', concentration: '' })

/** @returns {Draft} */
export const newDraft = () => ({ name: '', rows: [newRow(), newRow()] })

/**
 * The request body of a draft. Concentrations are sent as text, as they were typed: text is exact.
 * @param {Draft} draft
 */
export const bodyOf = ({ name, rows }) => ({
  name,
  materials: filledRows(rows).map(({ name, concentration }) => ({ name, concentration })),
})

/**
 * The rows that are sent: all that are not empty, or the first when all are.
 * @param {Row[]} rows
 */
export function filledRows(rows) {
  const filled = rows.filter(({ name, concentration }) => `${name}${concentration}`.trim() !== '')
  return filled.length > 0 ? filled : rows.slice(0, 1)
}

/**
 * Keeps one idempotency key while the same body is sent again, so that it is stored once.
 */
export class KeyOfDraft {
  #key = newKey()
  #sent = ''

  /**
   * @param {unknown} body the next body to send
   * @returns {string} the previous key if the body is the same, else a new one
   */
  keyFor(body) {
    const text = JSON.stringify(body)
    if (text !== this.#sent) this.#key = newKey()
    this.#sent = text
    return this.#key
  }

  /** The draft is stored: the next one gets another key, even with the same text. */
  finish() {
    this.#sent = ''
  }
}

/** 128 random bits; `crypto.randomUUID` does not exist on pages without TLS. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return `console-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/**
 * Maps a path in the body to the field that shows its problem.
 * @param {string} path a JSON pointer
 * @param {Row[]} rows as they were sent
 * @returns {string | null} the id of a field; null where the form has none for it
 */
export function fieldOf(path, rows) {
  if (path === '/name') return 'name'
  const [, index, part = 'name'] = /^\/materials\/(\d+)(?:\/(name|concentration))?$/.exec(path) ?? []
  const row = index === undefined ? undefined : rows[Number(index)]
  return row === undefined ? null : `${part}-${row.id}`
}
