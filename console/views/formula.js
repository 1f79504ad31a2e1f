import { plural } from '../format.js'
import { Trouble, useLoad, Waiting } from '../parts/load.js'
import { announce } from '../parts/notice.js'
import { Heading, Moment, Name } from '../parts/text.js'
import { html } from '../vendor/htm-preact.js'

/** @typedef {import('./formulas.js').Formula} Formula */

/**
 * One formula: its materials with their stored concentrations and their shares.
 * @param {{ id: string }} props
 */
export function FormulaDetail({ id }) {
  const { data, error, reload } = useLoad(`formulas/${encodeURIComponent(id)}`)
  const formula = /** @type {Formula | null} */ (data)
  return html`
    <p><a href="#/formulas">All formulas</a></p>
    ${formula !== null && html`<${Sheet} formula=${formula} />`}
    ${error !== null && html`<${Heading}>No formula<//><${Trouble} error=${error} retry=${reload} />`}
    ${formula === null && error === null && html`<${Waiting} />`}`
}

/** @param {{ formula: Formula }} props */
function Sheet({ formula: { id, name, materials, createdAt } }) {
  const shares = sharesOf(materials.map(({ concentration }) => concentration))
  return html`
    <${Heading} kicker="Formula" title=${name}><${Name} text=${name} /><//>
    <dl class="facts">
      <div><dt>Accepted</dt><dd><${Moment} iso=${createdAt} /></dd></div>
      <div>
        <dt>Id</dt>
        <dd class="actions"><code>${id}</code><button class="quiet small" onClick=${() => copy(id)}>Copy the id</button></dd>
      </div>
    </dl>
    <div class="card">
      <div class="strip" aria-hidden="true" style=${{ '--parts': shares.length }}>
        ${shares.map((share, index) => html`<span key=${index} style=${{ flexGrow: share, color: toneOf(index) }}></span>`)}
      </div>
      <table class="materials" style=${{ '--fraction': `${longestFraction(materials)}ch` }}>
        <caption>${plural(materials.length, 'material')}, in submitted order. Shares are of the sum, rounded.</caption>
        <thead>
          <tr><th scope="col">Material</th><th scope="col" class="number">Concentration</th><th scope="col">Share</th></tr>
        </thead>
        <tbody>
          ${materials.map(
            (material, index) => html`<tr key=${index}>
              <th scope="row"><${Name} text=${material.name} /></th>
              <td class="number"><${Decimal} text=${material.concentration} /></td>
              <td>
                <div class="share">
                  <span class="bar" aria-hidden="true">
                    <span style=${{ width: `${(shares[index] ?? 0) * 100}%`, color: toneOf(index) }}></span>
                  </span>
                  <span>${percent(shares[index] ?? 0)}</span>
                </div>
              </td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>`
}

/** @param {number} index */
const toneOf = (index) => `var(--${['amber', 'rose', 'sage', 'iris', 'soft', 'edge'][index % 6]})`

/**
 * An exact decimal as it is stored, points below each other.
 * @param {{ text: string }} props
 */
function Decimal({ text }) {
  const point = text.indexOf('.')
  const [whole, fraction] = point < 0 ? [text, ''] : [text.slice(0, point), text.slice(point)]
  return html`<span class="decimal"><span>${whole}</span><span>${fraction}</span></span>`
}

/**
 * The length of the longest fraction, with its point.
 * @param {import('./formulas.js').Material[]} materials
 */
const longestFraction = (materials) =>
  Math.max(...materials.map(({ concentration }) => (/\..*/.exec(concentration)?.[0] ?? '').length))

/**
 * The share of each in the sum, precise enough for a bar: concentrations have more digits than a number holds.
 * @param {string[]} concentrations
 */
function sharesOf(concentrations) {
  const sum = concentrations.reduce((sum, text) => sum + Number(text), 0)
  return concentrations.map((text) => Number(text) / sum)
}

/** @param {number} share */
function percent(share) {
  const hundredths = share * 100
  return hundredths < 0.1 ? '< 0.1 %' : `${hundredths.toFixed(1)} %`
}

/** @param {string} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
    announce('The id is copied.')
  } catch {
    // Browsers allow the clipboard only on https and localhost.
    announce('This browser does not let the page copy; select the id and copy it yourself.')
  }
}
