import { createStore } from './store.js'

const KEPT_AS = 'formula-intake.theme'
const CHOICES = /** @type {const} */ (['auto', 'light', 'dark'])

/** @typedef {typeof CHOICES[number]} Theme */

const kept = /** @type {Theme} */ (localStorage.getItem(KEPT_AS) ?? 'auto')

/** What the operator has chosen; `auto` follows the system. */
export const theme = createStore(CHOICES.includes(kept) ? kept : 'auto')

/** Counts changes of colours, for what is not drawn by style sheets. */
export const colours = createStore(0)

function apply() {
  document.documentElement.dataset.theme = theme.get()
  colours.set(colours.get() + 1)
}

apply()
theme.watch(apply)
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', apply)

/** Goes on to the next choice, and keeps it in this browser. */
export function nextTheme() {
  const next = /** @type {Theme} */ (CHOICES[(CHOICES.indexOf(theme.get()) + 1) % CHOICES.length])
  localStorage.setItem(KEPT_AS, next)
  theme.set(next)
}
