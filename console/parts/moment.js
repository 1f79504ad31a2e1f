import { time } from '../format.js'
import { html } from '../vendor/htm-preact.js'

/**
 * A time of the service by the operator's clock; under the pointer as the service writes it, in UTC, as logs have it.
 * @param {{ iso: string }} props
 */
export const Moment = ({ iso }) => html`<time datetime=${iso} title=${iso}>${time(iso)}</time>`
