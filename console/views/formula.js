import { request } from '../api.js'
import { live } from '../live/poll.js'
import { confirm } from '../parts/confirm.js'
import { Copy } from '../parts/copy.js'
import { attempt, Trouble, useLoad, Waiting } from '../parts/load.js'
import { Heading, Moment, Name } from '../parts/text.js'
import { place } from '../router.js'
import { useStore } from '../store.js'
import { html } from '../vendor/htm-preact.js'
import { Deliveries } from './deliveries.js'
import { Derive } from './derive.js'
import { Materials } from './materials.js'

/** @typedef {import('./formulas.js').Formula} Formula */

/**
 * One formula: its materials with their stored concentrations and their shares.
 * @param {{ id: string }} props
 */
export function FormulaDetail({ id }) {
  const { data, error, reload } = useLoad(`formulas/${encodeURIComponent(id)}`)
  const formula = /** @type {Formula | null} */ (data)
  const isDeriving = useStore(place).query.has('derive')
  return html`
    <p><a href="#/formulas">All formulas</a></p>
    ${formula !== null && (isDeriving ? html`<${Derive} formula=${formula} />` : html`<${Sheet} formula=${formula} reload=${reload} />`)}
    ${error !== null && html`<${Heading}>No formula<//><${Trouble} error=${error} retry=${reload} />`}
    ${formula === null && error === null && html`<${Waiting} />`}`
}

/** @param {{ formula: Formula, reload: () => void }} props */
function Sheet({ formula, reload }) {
  const { id, name, materials, createdAt, metadata, submittedBy, derivedFrom } = formula
  const { isAdmin } = useStore(live)
  return html`
    <${Heading} kicker="Formula" title=${name}><${Name} text=${name} /><//>
    <dl class="facts">
      <div><dt>Accepted</dt><dd><${Moment} iso=${createdAt} /></dd></div>
      ${submittedBy && html`<div><dt>Submitted by</dt><dd><bdi>${submittedBy}</bdi></dd></div>`}
      <div>
        <dt>Id</dt>
        <dd class="actions"><code>${id}</code><${Copy} what="the id" text=${() => id} /></dd>
      </div>
      ${derivedFrom && html`<div><dt>Derived from</dt><dd><a href="#/formulas/${derivedFrom}"><code>${derivedFrom}</code></a></dd></div>`}
    </dl>
    <${Materials} materials=${materials}>
      <${Copy} what="as JSON" text=${() => JSON.stringify(formula, null, 2)} />
      <${Copy} what="as CSV" text=${() => csvOf(formula)} />
      <a href="#/formulas/${id}?derive">Derive a new formula</a>
      <a href="#/formulas?derivedFrom=${id}">Formulas derived from it</a>
    <//>
    ${metadata && html`<${Metadata} metadata=${metadata} />`}
    ${isAdmin && html`<${Deliveries} id=${id} /><${Erase} formula=${formula} reload=${reload} />`}`
}

/**
 * Erases a formula, for good, once that is confirmed.
 * @param {{ formula: Formula, reload: () => void }} props
 */
function Erase({ formula: { id, name }, reload }) {
  const erase = async () => {
    const text = html`“<${Name} text=${name} />” is erased with its event in every subscription, its dead letters and the
      answers that show it. A repeated submission of its key is answered with 410. It cannot be undone; backups and logs
      keep what they hold.`
    if (!(await confirm({ title: 'Erase this formula?', text, action: 'Erase', isGrave: true }))) return
    attempt(async () => {
      try {
        await request(`formulas/${id}`, { method: 'DELETE' })
      } catch (error) {
        const { status, why } = /** @type {import('../api.js').ApiError} */ (error)
        if (status !== 503) throw error
        return html`${why.replace(/\.?$/, '.')} The erasure goes on by itself: see <a href="#/cleanups">Cleanups</a>.`
      }
      return html`“<${Name} text=${name} />” is erased.`
    }, reload)
  }
  return html`<section class="card panel" aria-labelledby="erase-title">
    <h2 id="erase-title">Erase it</h2>
    <p id="erase-effect">Removes the formula and all that shows it from the stores, for good.</p>
    <div class="actions">
      <button class="quiet danger" aria-describedby="erase-effect" onClick=${erase}>Erase</button>
    </div>
  </section>`
}

/** @param {{ metadata: Record<string, string> }} props */
const Metadata = ({ metadata }) => html`<section class="card" aria-labelledby="metadata-title">
  <h2 id="metadata-title">Metadata</h2>
  <dl class="facts">
    ${Object.entries(metadata).map(([key, value]) => html`<div key=${key}><dt>${key}</dt><dd><bdi>${value}</bdi></dd></div>`)}
  </dl>
</section>`

/**
 * The materials as `npm run import` reads them.
 * @param {Formula} formula
 */
function csvOf({ name, materials }) {
  const rows = materials.map((material) => [name, material.name, material.concentration])
  const cell = (/** @type {string} */ text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  return [['formula', 'material', 'concentration'], ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('')
}
