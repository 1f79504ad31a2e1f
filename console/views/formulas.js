import { plural, short } from '../format.js'
import { Empty, Summary, Trouble, useList, Waiting } from '../parts/load.js'
import { Heading, Moment, Name } from '../parts/text.js'
import { go, place, replace } from '../router.js'
import { useStore } from '../store.js'
import { html, useEffect, useRef } from '../vendor/htm-preact.js'

/**
 * @typedef {{ name: string, concentration: string }} Material
 * @typedef {{ id: string, name: string, materials: Material[], createdAt: string }} Formula
 */

const ID = /^[\da-f]{64}$/i
const PAUSE_MS = 250

/** Finds formulas by the beginning of their name, or one by its id. */
export function Formulas() {
  const name = useStore(place).query.get('name') ?? ''
  return html`
    <${Heading} kicker="What is stored, newest first">Formulas<//>
    <${Search} name=${name} />
    <${List} name=${name} />`
}

/**
 * The address holds the search, so that links, bookmarks and the side bar lead to it too.
 * @param {{ name: string }} props
 */
function Search({ name }) {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null))
  const timer = useRef(0)
  useEffect(() => () => clearTimeout(timer.current), [])
  useEffect(() => {
    // Do not overwrite what is being typed.
    if (field.current !== null && timer.current === 0) field.current.value = name
  }, [name])
  const search = () => {
    clearTimeout(timer.current)
    timer.current = 0
    const text = field.current?.value ?? ''
    if (ID.test(text.trim())) return go(`#/formulas/${text.trim().toLowerCase()}`)
    replace(text ? `#/formulas?name=${encodeURIComponent(text)}` : '#/formulas')
  }
  const later = () => {
    clearTimeout(timer.current)
    timer.current = setTimeout(search, PAUSE_MS)
  }
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    search()
  }
  return html`<form role="search" onSubmit=${submit}>
    <div class="field">
      <label for="search">Name or id</label>
      <input id="search" type="search" autocomplete="off" spellcheck="false" maxlength="400" defaultValue=${name}
        placeholder="Rose…" ref=${field} onInput=${later} aria-describedby="search-hint" />
      <p class="hint" id="search-hint">What the name begins with, whatever its case; or a whole id of 64 digits.</p>
    </div>
  </form>`
}

/** @param {{ name: string }} props */
function List({ name }) {
  const path = name === '' ? 'formulas' : `formulas?name=${encodeURIComponent(name)}`
  const { items, next, more, reload, error, at } = useList(path, 'formulas')
  const formulas = /** @type {Formula[] | null} */ (items)
  if (formulas === null)
    return error === null ? html`<${Waiting} />` : html`<${Trouble} error=${error} retry=${reload} />`
  if (formulas.length === 0 && name !== '') {
    return html`<${Empty} title="No such formula">No formula’s name begins with “${name}”.<//>`
  }
  if (formulas.length === 0) {
    return html`<${Empty} title="Nothing stored yet">The first formula that is taken in appears here.
      You may <a href="#/submit">submit one by hand</a>.<//>`
  }
  return html`
    <${Summary} at=${at} reload=${reload}>
      ${plural(formulas.length, 'formula')}${next !== null && ', and there are more'}
    <//>
    <table class="rows">
      <thead>
        <tr>
          <th scope="col">Name</th><th scope="col" class="number">Materials</th><th scope="col">Accepted</th><th scope="col">Id</th>
        </tr>
      </thead>
      <tbody>${formulas.map((formula) => html`<${Row} key=${formula.id} formula=${formula} />`)}</tbody>
    </table>
    ${error !== null && html`<${Trouble} error=${error} />`}
    ${next !== null && html`<button class="quiet more" onClick=${more}>Show older ones</button>`}`
}

/** @param {{ formula: Formula }} props */
function Row({ formula: { id, name, materials, createdAt } }) {
  return html`<tr>
    <th scope="row"><a href="#/formulas/${id}"><${Name} text=${name} /></a></th>
    <td class="number" data-name="Materials">${materials.length}</td>
    <td data-name="Accepted"><${Moment} iso=${createdAt} /></td>
    <td data-name="Id"><code title=${id}>${short(id)}</code></td>
  </tr>`
}
