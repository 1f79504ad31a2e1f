import { createStore } from './store.js'

/**
 * A view, and what of it: `#/formulas/3e7b…?name=ro` is the view `formulas`, the item `3e7b…` and a query.
 * @typedef {{ view: string, item: string | null, query: URLSearchParams }} Place
 */

/** @returns {Place} */
function read() {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?', 2)
  const [view = '', item = null] = path.split('/', 2)
  return { view: view || 'overview', item: item && decode(item), query: new URLSearchParams(query) }
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Where the operator is, by the address. */
export const place = createStore(read())

addEventListener('hashchange', () => place.set(read()))

/**
 * Goes on in the same view: the way back leads to where it was entered.
 * @param {string} hash
 */
export function replace(hash) {
  history.replaceState(null, '', hash)
  place.set(read())
}

/** @param {string} hash */
export function go(hash) {
  location.hash = hash
}
