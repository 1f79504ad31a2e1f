import { go, place, replace } from '../router.js'
import { useStore } from '../store.js'
import { html, useEffect, useRef } from '../vendor/htm-preact.js'

const ID = /^[\da-f]{64}$/i
const PAUSE_MS = 250

/** Fields that narrow the search; each is a filter of GET /formulas, and stands in the address under the same name. */
const FILTERS = /** @type {const} */ ([
  { name: 'material', label: 'Contains the material', type: 'text' },
  { name: 'submittedBy', label: 'Submitted by', type: 'text' },
  { name: 'from', label: 'Accepted from', type: 'datetime-local' },
  { name: 'to', label: 'Accepted before', type: 'datetime-local' },
  { name: 'derivedFrom', label: 'Derived from (id)', type: 'text' },
])

const NAMES = ['q', ...FILTERS.map(({ name }) => name)]

/**
 * The filters of an address as the service takes them. Times in the address are in UTC, so that a link means the same
 * everywhere.
 * @param {URLSearchParams} query
 */
export function filtersOf(query) {
  const given = NAMES.flatMap((name) => (query.get(name) ? [[name, query.get(name) ?? '']] : []))
  return new URLSearchParams(given)
}

/**
 * A time in UTC as the value of a `datetime-local` field.
 * @param {string} iso
 */
function localOf(iso) {
  const at = new Date(iso)
  return Number.isNaN(at.getTime())
    ? ''
    : new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

/**
 * @param {string} type
 * @param {string} value of the field
 */
function sentOf(type, value) {
  if (type !== 'datetime-local') return value.trim()
  const at = Date.parse(value)
  return Number.isNaN(at) ? '' : new Date(at).toISOString()
}

/** Finds formulas. The address holds the search, so that links, bookmarks and the side bar lead to it too. */
export function Search() {
  const { query } = useStore(place)
  const form = useRef(/** @type {HTMLFormElement | null} */ (null))
  const timer = useRef(0)
  const shown = String(filtersOf(query))
  const isNarrowed = FILTERS.some(({ name }) => query.get(name))
  useEffect(() => () => clearTimeout(timer.current), [])
  useEffect(() => {
    // Do not overwrite what is being typed.
    if (timer.current === 0) for (const field of fieldsOf(form.current)) field.value = shownOf(field, query)
  }, [shown])
  const search = () => {
    clearTimeout(timer.current)
    timer.current = 0
    const fields = fieldsOf(form.current)
    const [text = ''] = fields.map(({ value }) => value.trim())
    if (ID.test(text)) return go(`#/formulas/${text.toLowerCase()}`)
    const filters = fields
      .map(({ name, type, value }) => [name, sentOf(type, value)])
      .filter(([, value]) => value !== '')
    replace(filters.length > 0 ? `#/formulas?${new URLSearchParams(filters)}` : '#/formulas')
  }
  const later = () => {
    clearTimeout(timer.current)
    timer.current = setTimeout(search, PAUSE_MS)
  }
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    search()
  }
  return html`<form role="search" ref=${form} onSubmit=${submit} onInput=${later}>
    <div class="field">
      <label for="search">Words or id</label>
      <input id="search" name="q" type="search" autocomplete="off" spellcheck="false" maxlength="400"
        placeholder="garden…" defaultValue=${query.get('q') ?? ''} aria-describedby="search-hint" />
      <p class="hint" id="search-hint">Words of the name or of a material, with or without accents; or a whole id.</p>
    </div>
    <details class="more-fields" open=${isNarrowed}>
      <summary>By material, submitter, time or parent</summary>
      <div class="filters">
        ${FILTERS.map(
          ({ name, label, type }) => html`<div class="field" key=${name}>
            <label for=${`by-${name}`}>${label}</label>
            <input id=${`by-${name}`} name=${name} type=${type} autocomplete="off" spellcheck="false"
              defaultValue=${shownOf({ name, type }, query)} />
          </div>`,
        )}
      </div>
      <p class="hint">A material is found by its whole name. Times are by your clock.</p>
    </details>
  </form>`
}

/** @param {HTMLFormElement | null} form */
const fieldsOf = (form) => /** @type {HTMLInputElement[]} */ ([...(form?.querySelectorAll('input') ?? [])])

/**
 * @param {{ name: string, type: string }} field
 * @param {URLSearchParams} query
 */
function shownOf({ name, type }, query) {
  const value = query.get(name) ?? ''
  return type === 'datetime-local' && value !== '' ? localOf(value) : value
}
