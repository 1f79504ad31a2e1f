import { html } from '../vendor/htm-preact.js'

/** Blanks, and characters that only steer others: a link of these alone could be neither seen nor clicked. */
const UNSEEN = /^[\p{White_Space}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]*$/u

/**
 * A name as it was submitted. It is read in its own direction, and turns nothing that stands beside it.
 * @param {{ text: string }} props
 */
export const Name = ({ text }) =>
  UNSEEN.test(text) ? html`<i class="unseen">no visible name</i>` : html`<bdi>${text}</bdi>`
