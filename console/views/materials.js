import { decimalOf, minus, sumOf, ZERO } from '../decimal.js'
import { plural } from '../format.js'
import { Name } from '../parts/text.js'
import { createStore, useStore } from '../store.js'
import { html } from '../vendor/htm-preact.js'

/** @typedef {import('./formulas.js').Material} Material */

/** The colours of the largest materials; all others share one, since more could not be told apart. */
const TONES = ['amber', 'rose', 'sage', 'iris', 'soft']

/** Whether the largest come first; kept from one formula to the next. */
const isBySize = createStore(false)

/**
 * The materials of a formula, with their shares and the exact total.
 * @param {{ materials: Material[], children: unknown }} props `children` are further actions
 */
export function Materials({ materials, children }) {
  const isSorted = useStore(isBySize)
  const largestFirst = materials.map((_, index) => index).sort((a, b) => bySize(materials[a], materials[b]))
  const shares = sharesOf(materials.map(({ concentration }) => concentration))
  const largest = shares[largestFirst[0] ?? 0] ?? 1
  const toneAt = (/** @type {number} */ index) => `var(--${TONES[largestFirst.indexOf(index)] ?? 'edge'})`
  const order = isSorted ? largestFirst : [...materials.keys()]
  const total = sumOf(materials.map(({ concentration }) => concentration))
  const fraction = longestFraction([...materials.map(({ concentration }) => concentration), total])
  return html`<div class="card">
    <div class="strip" aria-hidden="true" style=${{ '--parts': shares.length }}>
      ${order.map((index) => html`<span key=${index} style=${{ flexGrow: shares[index], color: toneAt(index) }}></span>`)}
    </div>
    <div class="actions">
      <button class="quiet small" aria-pressed=${isSorted} onClick=${() => isBySize.set(!isSorted)}>Largest first</button>
      ${children}
    </div>
    <table class="materials">
      <caption>
        ${plural(materials.length, 'material')}, ${isSorted ? 'the largest first' : 'in submitted order'}. Shares are of the
        total, rounded; bars are scaled to the largest.
      </caption>
      <thead>
        <tr><th scope="col">Material</th><th scope="col" class="number">Concentration</th><th scope="col">Share</th></tr>
      </thead>
      <tbody>
        ${order.map((index) => {
          const { name, concentration } = /** @type {Material} */ (materials[index])
          const share = shares[index] ?? 0
          return html`<tr key=${index}>
            <th scope="row"><${Name} text=${name} /></th>
            <td class="number"><${Decimal} text=${concentration} fraction=${fraction} /></td>
            <td>
              <div class="share">
                <span class="bar" aria-hidden="true">
                  <span style=${{ width: `${(share / largest) * 100}%`, color: toneAt(index) }}></span>
                </span>
                <span>${percent(share)}</span>
              </div>
            </td>
          </tr>`
        })}
      </tbody>
      <tfoot>
        <tr><th scope="row">Total</th><td class="number"><${Decimal} text=${total} fraction=${fraction} /></td><td></td></tr>
      </tfoot>
    </table>
  </div>`
}

/**
 * An exact decimal as it is stored. Zeros that nobody sees or hears put the points below each other.
 * @param {{ text: string, fraction: number }} props `fraction` is that of `longestFraction`
 */
export const Decimal = ({ text, fraction }) =>
  html`<span class="decimal" data-pad=${`.${'0'.repeat(fraction)}`.slice(fractionOf(text), fraction)}>${text}</span>`

/**
 * The length of the longest fraction, with its point.
 * @param {string[]} decimals
 */
export const longestFraction = (decimals) => Math.max(0, ...decimals.map(fractionOf))

/** @param {string} text */
const fractionOf = (text) => (/\..*/.exec(text)?.[0] ?? '').length

/**
 * @param {Material | undefined} a
 * @param {Material | undefined} b
 */
function bySize(a, b) {
  const { digits } = minus(decimalOf(b?.concentration ?? '') ?? ZERO, decimalOf(a?.concentration ?? '') ?? ZERO)
  return Number(digits > 0n) - Number(digits < 0n)
}

/**
 * The share of each in the sum, precise enough for a bar.
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
