/** The size of a page of the page cache: what is written back to a disk as one piece, where nothing tears it. */
export const PAGE_BYTES = 4096
/** A disk writes a sector whole or not at all. */
const SECTOR_BYTES = 512

/** A change to one page that need not be on disk yet. */
interface Change {
  position: number
  /** Makes the change; a page that is cut off by a truncation is zeroed from there on. */
  apply(page: Buffer): void
  /** How long the file was after it. */
  size: number
  cutsOff: boolean
}

/** How much of what was not synced a power cut leaves: nothing, all, or of each page something else. */
export type Mood = 'nothing' | 'everything' | 'some pages' | 'torn pages'

export interface Luck {
  integer(min: number, max: number): number
  happens(percent: number): boolean
}

/** One page of a file: what is on disk for certain, and what was done to it since, which may have got there or not. */
export class Page {
  #durable: Buffer
  #changes: Change[] = []

  constructor(durable: Buffer = Buffer.alloc(PAGE_BYTES)) {
    this.#durable = durable
  }

  change(change: Change): void {
    this.#changes.push(change)
  }

  /** As the process sees it. */
  get seen(): Buffer {
    return this.#after(this.#changes.length)
  }

  /** A sync that began at `position`, and came back with success: the page as it was then is on disk. */
  synced(position: number, unless: (position: number) => boolean): void {
    const covered = this.#changes.filter((change) => change.position < position)
    const last = covered.at(-1)
    // After a sync that failed the system takes a page for written: it goes to disk only when it is changed again.
    if (last === undefined || unless(last.position)) return
    this.#durable = this.#after(covered.length)
    this.#changes = this.#changes.slice(covered.length)
  }

  /**
   * What a power cut leaves of the page.
   * @param truncatedUntil truncations up to this position have happened, later ones have not
   * @returns the content, and how long it makes the file at least
   */
  cut(luck: Luck, mood: Mood, truncatedUntil: number): { content: Buffer; size: number } {
    const least = this.#changes.findLastIndex((change) => change.cutsOff && change.position <= truncatedUntil) + 1
    const next = this.#changes.findIndex((change) => change.cutsOff && change.position > truncatedUntil)
    const most = next === -1 ? this.#changes.length : next
    const kept = keptOf(luck, mood, least, most)
    const content = this.#after(kept)
    if (mood === 'torn pages' && most > least && luck.happens(50)) {
      const other = this.#after(luck.integer(least, most))
      for (let at = 0; at < PAGE_BYTES; at += SECTOR_BYTES) {
        if (luck.happens(50)) other.copy(content, at, at, at + SECTOR_BYTES)
      }
      return { content, size: this.#changes[most - 1]?.size ?? 0 }
    }
    return { content, size: this.#changes[kept - 1]?.size ?? 0 }
  }

  #after(changes: number): Buffer {
    const page = Buffer.from(this.#durable)
    for (const change of this.#changes.slice(0, changes)) change.apply(page)
    return page
  }
}

function keptOf(luck: Luck, mood: Mood, least: number, most: number): number {
  if (mood === 'nothing' || least === most) return least
  if (mood === 'everything') return most
  if (luck.happens(40)) return least
  return luck.happens(60) ? most : luck.integer(least, most)
}
