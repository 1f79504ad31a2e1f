/**
 * @typedef {{ id: number, name: string, concentration: string }} Row `id` tells rows apart while they come and go
 * @typedef {{ name: string, rows: Row[] }} Draft
 */

let rows = 0

/** @returns {Row} */
export const newRow = () => ({ id: ++rows, name: '', concentration: '' })

/** @returns {Draft} */
export const newDraft = () => ({ name: '', rows: [newRow(), newRow()] })

/**
 * What is sent of a draft. Concentrations go as they were typed: as text they are exact.
 * @param {Draft} draft
 */
export const bodyOf = ({ name, rows }) => ({
  name,
  materials: filledRows(rows).map(({ name, concentration }) => ({ name, concentration })),
})

/**
 * The rows that are sent: those in which nothing was typed are passed over, but for one where there is no other.
 * @param {Row[]} rows
 */
export function filledRows(rows) {
  const filled = rows.filter(({ name, concentration }) => `${name}${concentration}`.trim() !== '')
  return filled.length > 0 ? filled : rows.slice(0, 1)
}

/**
 * Keeps to one idempotency key while the same is sent again, so that it is stored once however often that is.
 */
export class KeyOfDraft {
  #key = newKey()
  #sent = ''

  /**
   * @param {unknown} body what is about to be sent
   * @returns {string} the key of the last time, where that was the same
   */
  keyFor(body) {
    const text = JSON.stringify(body)
    if (text !== this.#sent) this.#key = newKey()
    this.#sent = text
    return this.#key
  }

  /** The draft is stored: what is sent next is another, also when it reads the same. */
  finish() {
    this.#sent = ''
  }
}

/** 128 random bits; `crypto.randomUUID` is not there on pages without TLS. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return `console-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/**
 * Where the form shows what the service says of a place in the body.
 * @param {string} path a JSON pointer
 * @param {Row[]} rows as they were sent
 * @returns {string | null} the name of a field; null where there is none for it
 */
export function fieldOf(path, rows) {
  if (path === '/name') return 'name'
  const [, index, part = 'name'] = /^\/materials\/(\d+)(?:\/(name|concentration))?$/.exec(path) ?? []
  const row = index === undefined ? undefined : rows[Number(index)]
  return row === undefined ? null : `${part}-${row.id}`
}
