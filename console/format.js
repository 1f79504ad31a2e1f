const whole = new Intl.NumberFormat('en')
const fine = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })
const coarse = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 })
const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })

/** Shown where there is no figure. */
export const NONE = '–'

/** @param {number | null | undefined} value */
export const count = (value) => (value === null || value === undefined ? NONE : whole.format(value))

/**
 * A rate or another figure, in two or three digits.
 * @param {number | null | undefined} value
 */
export function figure(value) {
  if (value === null || value === undefined) return NONE
  if (value >= 1000) return whole.format(Math.round(value))
  return value < 10 ? coarse.format(value) : fine.format(value)
}

/**
 * A time span in a fitting unit.
 * @param {number | null | undefined} seconds
 */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return NONE
  if (seconds === 0) return '0 s'
  if (seconds < 0.001) return `${fine.format(seconds * 1_000_000)} µs`
  if (seconds < 1) return `${fine.format(seconds * 1000)} ms`
  if (seconds < 120) return `${fine.format(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} days`
}

/**
 * A time of the service in the operator's time zone.
 * @param {string} iso
 */
export const time = (iso) => moment.format(new Date(iso))

/**
 * The time of the day by the operator's clock.
 * @param {number} seconds
 */
export const clock = (seconds) => new Date(seconds * 1000).toTimeString().slice(0, 8)

/**
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 */
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`

/**
 * The first digits of an id, enough to recognise it.
 * @param {string} id
 */
export const short = (id) => (id.length > 16 ? `${id.slice(0, 12)}…` : id)
