import { count, plural } from '../format.js'

/**
 * @typedef {import('../live/reading.js').Subscription} Subscription
 *
 * A place in the event log; `time` is the value of a `datetime-local` field.
 * @typedef {{ kind: 'start' | 'end' | 'time', time: string }} Place
 */

/**
 * A place as the service takes it.
 * @param {Place} place
 * @returns {string | null} null when no time is given
 */
export function placeOf({ kind, time }) {
  if (kind !== 'time') return kind
  const at = Date.parse(time)
  return Number.isNaN(at) ? null : new Date(at).toISOString()
}

/** @type {Record<Place['kind'], string>} */
const CREATED = {
  start: 'It gets every event that is kept, the oldest first, and then the new ones.',
  end: 'It gets the events that are accepted from now on.',
  time: 'It gets the events accepted at or after this time, as far as they are kept.',
}

/**
 * What a new subscription gets, and what it costs.
 * @param {Place} place
 */
export const effectOfCreating = ({ kind }) =>
  `${CREATED[kind]} From then on each event is kept until this subscription, too, has acknowledged it.`

/**
 * What a move repeats, skips and drops.
 * @param {Place} place
 * @param {Subscription} subscription
 */
export function effectOfMoving({ kind, time }, { ready, leased, delayed }) {
  // The service takes a time that is not reached yet as the end.
  const to = kind === 'time' && Date.parse(time) > Date.now() ? 'end' : kind
  const events = {
    start: 'It gets every event that is kept, also those it had before, the oldest first.',
    end: `It skips all events up to now (${count(ready)} ready).`,
    time: 'It gets every event accepted at or after this time, also those it had before, and skips earlier ones.',
  }
  const held = `What is leased or delayed (${plural(leased + delayed, 'event')}) is dropped and its receipts are stale: stop its consumers first.`
  const letters = {
    start: 'Dead letters are dropped too, except those whose events are no longer kept.',
    end: 'Dead letters stay.',
    time: 'Dead letters of these events are dropped too; earlier ones stay.',
  }
  return `${events[to]} ${held} ${letters[to]}`
}

/**
 * What pausing or resuming does.
 * @param {Subscription} subscription
 */
export const effectOfPausing = ({ paused, ready }) =>
  paused
    ? `It hands out events again; ${count(ready)} wait.`
    : 'It hands out nothing until it is resumed. Receipts stay valid: what is leased may still be acknowledged. Its events are kept meanwhile, so the log grows.'

/**
 * What is lost with a subscription.
 * @param {Subscription} subscription
 */
export const effectOfDeleting = ({ ready, leased, delayed, dead }) =>
  `Its position, its ${plural(ready + leased + delayed, 'unfinished event')} and its ${plural(dead, 'dead letter')} are dropped for good; receipts are stale, and consumers that wait get an error. Formulas and other subscriptions lose nothing.`
