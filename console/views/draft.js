/**
 * @typedef {{ name: string, concentration: string }} Material
 * @typedef {{ id: number } & Material} Row `id` is the row's key while rows are added and removed
 * @typedef {{ id: number, key: string, value: string }} Note an entry of the metadata
 * @typedef {{ name: string, rows: Row[], notes: Note[] }} Draft
 */

let ids = 0

export const nextId = () => ++ids

/** @returns {Row} */
export const newRow = () => ({ id: nextId(), name: '', concentration: '' })

/** @returns {Note} */
export const newNote = () => ({ id: nextId(), key: '', value: '' })

/** @returns {Draft} */
export const newDraft = () => ({ name: '', rows: [newRow(), newRow()], notes: [] })

/**
 * The request body of a draft. Concentrations are sent as text, as they were typed: text is exact.
 * @param {Draft} draft
 */
export function bodyOf({ name, rows, notes }) {
  const materials = filledRows(rows).map(({ name, concentration }) => ({ name, concentration }))
  return { name, materials, ...metadataOf(notes) }
}

/** @param {Note[]} notes */
export function metadataOf(notes) {
  const entries = notes.filter(({ key, value }) => `${key}${value}` !== '').map(({ key, value }) => [key, value])
  return entries.length > 0 ? { metadata: Object.fromEntries(entries) } : {}
}

/**
 * The field of a key that another entry has too: an object would hold the last one only.
 * @param {Note[]} notes
 */
export function repeatedKey(notes) {
  const again = notes.find(({ key }, index) => key !== '' && notes.slice(0, index).some((note) => note.key === key))
  return again === undefined ? null : `key-${again.id}`
}

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
 * @param {Note[]} [notes]
 * @returns {string | null} the id of a field; null where the form has none for it
 */
export function fieldOf(path, rows, notes = []) {
  if (path === '/name') return 'name'
  if (path.startsWith('/metadata')) return fieldOfKey(path.slice('/metadata/'.length), notes)
  const [, index, part = 'name'] = /^\/materials\/(\d+)(?:\/(name|concentration))?$/.exec(path) ?? []
  const row = index === undefined ? undefined : rows[Number(index)]
  return row === undefined ? null : `${part}-${row.id}`
}

/**
 * @param {string} token a token of a JSON pointer
 * @param {Note[]} notes
 */
function fieldOfKey(token, notes) {
  const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
  const note = notes.find((note) => note.key === key) ?? notes[0]
  return note === undefined ? null : `key-${note.id}`
}
