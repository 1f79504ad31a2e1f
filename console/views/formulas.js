import { access, json } from '../api.js'
import { plural, short } from '../format.js'
import { Empty, Summary, Trouble, useList, Waiting } from '../parts/load.js'
import { Heading, Moment, Name } from '../parts/text.js'
import { place } from '../router.js'
import { useStore } from '../store.js'
import { html, useEffect, useState } from '../vendor/htm-preact.js'
import { filtersOf, Search } from './search.js'

/**
 * @typedef {import('./draft.js').Material} Material
 * @typedef {{ id: string, name: string, materials: Material[], createdAt: string }} Always
 * @typedef {Always & { metadata?: Record<string, string>, submittedBy?: string, derivedFrom?: string }} Formula
 */

const ASKED_EVERY_MS = 10_000

/** Lists the formulas that are stored, or those that a search finds. */
export function Formulas() {
  const filters = filtersOf(useStore(place).query)
  return html`
    <${Heading} kicker="What is stored, newest first">Formulas<//>
    <${Search} />
    <${List} filters=${String(filters)} />`
}

/** @param {{ filters: string }} props */
function List({ filters }) {
  const path = filters === '' ? 'formulas' : `formulas?${filters}`
  const { items, next, more, reload, error, at } = useList(path, 'formulas')
  const formulas = /** @type {Formula[] | null} */ (items)
  const isStale = useChanged(filters === '' ? formulas : null)
  useEffect(() => {
    if (isStale && formulas?.length === 0) reload()
  }, [isStale])
  if (formulas === null)
    return error === null ? html`<${Waiting} />` : html`<${Trouble} error=${error} retry=${reload} />`
  if (formulas.length === 0 && next !== null) {
    // A page ends early when it has looked at many formulas.
    return html`<p class="summary" role="status">No match among the newest formulas.</p>
      ${error !== null && html`<${Trouble} error=${error} />`}
      <button class="quiet more" onClick=${more}>Search older ones</button>`
  }
  if (formulas.length === 0 && filters !== '') {
    return html`<${Empty} title="No such formula">No formula matches everything that you search for.<//>`
  }
  if (formulas.length === 0) {
    return html`<${Empty} title="Nothing stored yet" example=${firstSubmission()}>
      The first formula that is taken in appears here. You may <a href="#/submit">submit one by hand</a>, or with a command.
      Run twice, it stores one formula: the key makes it safe to repeat.
    <//>`
  }
  return html`
    <${Summary} at=${at} reload=${reload}>
      ${plural(formulas.length, 'formula')}${next !== null && ', and there are more'}${isStale && '; the list has changed since'}
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

/**
 * Whether another formula is the newest now than when a list was loaded.
 * @param {Formula[] | null} formulas null where it need not be known
 */
function useChanged(formulas) {
  const shown = formulas === null ? null : (formulas[0]?.id ?? '')
  const [newest, setNewest] = useState(shown)
  useEffect(() => {
    if (shown === null) return
    setNewest(shown)
    const ask = async () => {
      /** @type {{ formulas: Formula[] } | null} */
      const answer = document.hidden ? null : await json('formulas?limit=1').catch(() => null)
      if (answer !== null) setNewest(answer.formulas[0]?.id ?? '')
    }
    const timer = setInterval(ask, ASKED_EVERY_MS)
    return () => clearInterval(timer)
  }, [shown])
  return shown !== null && newest !== null && newest !== shown
}

/** A command that submits a formula to this service. */
function firstSubmission() {
  const body = { name: 'Rose Garden', materials: [{ name: 'Rose Absolute', concentration: '12.5' }] }
  return [
    `curl ${new URL('formulas', document.baseURI)}`,
    ...(access.get().key === null ? [] : ['-H "Authorization: Bearer $API_KEY"']),
    "-H 'Idempotency-Key: first-1'",
    "-H 'Content-Type: application/json'",
    `-d '${JSON.stringify(body)}'`,
  ].join(' \\\n  ')
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
