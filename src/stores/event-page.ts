import type { EventPage, EventState, QueuedEvent } from './ports.ts'

/** Beyond every position, rank and time. */
const END = Number.MAX_SAFE_INTEGER

/**
 * Where a page begins in each of its sources: after a delivery of this rank and position, after a redriven delivery of
 * this rank, and after an event of the log at this position. A single place would not do: rank and position of redriven
 * deliveries are not in the order of the log.
 */
type PageStart = readonly [rank: number, position: number, redriven: number, logged: number]

/** Only ready events also come from redriven deliveries and from the log. */
export function pageStart(state: EventState, after: EventPage['next'] = null): PageStart {
  const [rank, position, redriven, logged] = (after ?? [0, 0, 0, 0]) as PageStart
  return state === 'ready' ? [rank, position, redriven, logged] : [rank, position, END, END]
}

/** The state of the deliveries that an event in `state` may have, apart from redriven ones. */
export const deliveryState = (state: EventState) => (state === 'ready' ? 'returned' : state)

/** An event of a page, and what the page is sorted by. */
export interface PageRow extends Omit<QueuedEvent, 'dueAt'> {
  /** 0 for deliveries; 1 for redriven ones and events of the log, which take turns. */
  part: 0 | 1
  /** A delivery's rank, or the position in the log after which it is the event's turn. */
  place: number
  /** A delivery's position, or the rank of a redriven one; 0 for events of the log. */
  turn: number
}

/** @param rows the first `limit` rows after `start`, and one more if there is one */
export function eventPage(state: EventState, limit: number, start: PageStart, rows: PageRow[]): EventPage {
  let [rank, position, redriven, logged] = start
  const items = rows.slice(0, limit).map(({ part, place, turn, ...event }) => {
    if (part === 0) [rank, position] = [place, turn]
    // Events that are given back meanwhile come before this place.
    else [rank, position] = [END, END]
    if (part === 1 && turn > 0) redriven = turn
    if (part === 1 && turn === 0) logged = place
    return { ...event, dueAt: state === 'ready' ? null : place }
  })
  return { items, next: rows.length > limit ? [rank, position, redriven, logged] : null }
}
