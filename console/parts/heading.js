import { html, useLayoutEffect, useRef } from '../vendor/htm-preact.js'

/** From how many characters on a heading is set smaller, so that what it heads stays in sight. */
const LONG = 60

let isFirst = true

/**
 * The heading of a view. It takes the focus, so that a screen reader tells that the view is another; not when the page
 * has just come.
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
