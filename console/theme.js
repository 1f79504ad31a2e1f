import { createStore } from './store.js'

const KEPT_AS = 'formula-intake.theme'
const CHOICES = /** @type {const} */ (['auto', 'light', 'dark'])

/** @typedef {typeof CHOICES[number]} Theme */

const kept = /** @type {Theme} */ (localStorage.getItem(KEPT_AS) ?? 'auto')

/** The operator's choice; `auto` follows the system. */
export const theme = createStore(CHOICES.includes(kept) ? kept : 'auto')

/** Counts colour changes, for the charts, which style sheets do not reach. */
export const colours = createStore(0)

function apply() {
  document.documentElement.dataset.theme = theme.get()
  colours.set(colours.get() + 1)
}

apply()
theme.watch(apply)
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', apply)

/** Switches to the next choice, and stores it in this browser. */
export function nextTheme() {
  const next = /** @type {Theme} */ (CHOICES[(CHOICES.indexOf(theme.get()) + 1) % CHOICES.length])
  localStorage.setItem(KEPT_AS, next)
  theme.set(next)
}
