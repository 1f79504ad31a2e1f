import { time } from '../format.js'
import { html, useLayoutEffect, useRef } from '../vendor/htm-preact.js'

/** Headings above this many characters are set smaller, so that the content stays in sight. */
const LONG = 60

let isFirst = true

/**
 * The heading of a view. It takes the focus on a change of view, so that screen readers announce it; not on page load.
 * @param {{ kicker?: string, title?: string, children: unknown }} props `title` where the heading is no plain text
 */
export function Heading({ kicker, title, children }) {
  const heading = useRef(/** @type {HTMLElement | null} */ (null))
  const named = title ?? String([children].flat().join(''))
  // Before the focus moves: a screen reader may read both.
  useLayoutEffect(() => {
    document.title = `${named} · Formula intake`
  }, [named])
  useLayoutEffect(() => {
    if (!isFirst) heading.current?.focus()
    isFirst = false
  }, [])
  return html`<header class="heading">
    ${kicker !== undefined && html`<p class="kicker">${kicker}</p>`}
    <h1 tabindex="-1" ref=${heading} class=${named.length > LONG ? 'long' : null}>${children}</h1>
  </header>`
}

/** Only blanks and invisible characters: a link of these alone could be neither seen nor clicked. */
const UNSEEN = /^[\p{White_Space}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]*$/u

/**
 * A name as it was submitted, in its own text direction, isolated from the text around it.
 * @param {{ text: string }} props
 */
export const Name = ({ text }) =>
  UNSEEN.test(text) ? html`<i class="unseen">no visible name</i>` : html`<bdi>${text}</bdi>`

/**
 * A time in the operator's time zone; its tooltip is the UTC time of the service, as in logs.
 * @param {{ iso: string }} props
 */
export const Moment = ({ iso }) => html`<time datetime=${iso} title=${iso}>${time(iso)}</time>`
