import { createStore } from './store.js'

/**
 * A view, its item and its query: `#/formulas/3e7b…?name=ro` is the view `formulas`, the item `3e7b…`
 * and a query.
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

/** The view and item of the current address. */
export const place = createStore(read())

addEventListener('hashchange', () => place.set(read()))

/**
 * Changes the address within a view, without a history entry.
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
