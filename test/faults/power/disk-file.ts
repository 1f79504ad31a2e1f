import type { Chance } from '../extent.ts'

/** The page size of the page cache. The system writes pages back, whole or torn. */
const PAGE_BYTES = 4096
/** A disk writes a sector completely or not at all. */
const SECTOR_BYTES = 512

/** A change to one page that may not be on disk yet. */
interface Change {
  position: number
  /** Applies the change; a truncation zeroes the rest of the page. */
  apply(page: Buffer): void
  /** The size of the file after it. */
  size: number
  cutsOff: boolean
}

/** What a power cut leaves of unsynced writes. */
export type Leftover = 'nothing' | 'everything' | 'some pages' | 'torn pages'

/** A page of a file: its durable content, and the changes since, which may or may not be on disk. */
class Page {
  #durable: Buffer
  #changes: Change[] = []

  constructor(durable: Buffer = Buffer.alloc(PAGE_BYTES)) {
    this.#durable = durable
  }

  change(change: Change): void {
    this.#changes.push(change)
  }

  /** The content as the process sees it. */
  get seen(): Buffer {
    return this.#after(this.#changes.length)
  }

  /** A sync that began at `position` succeeded: the content of that moment is durable. */
  synced(position: number, unless: (position: number) => boolean): void {
    const covered = this.#changes.filter((change) => change.position < position)
    const last = covered.at(-1)
    // After a failed sync the system considers a page clean: it is written only after another change.
    if (last === undefined || unless(last.position)) return
    this.#durable = this.#after(covered.length)
    this.#changes = this.#changes.slice(covered.length)
  }

  /**
   * Chooses what a power cut leaves of the page.
   * @param truncatedUntil the position up to which truncations have taken effect
   * @returns the content, and the minimum size of the file
   */
  cut(luck: Chance, leftover: Leftover, truncatedUntil: number): { content: Buffer; size: number } {
    const least = this.#changes.findLastIndex((change) => change.cutsOff && change.position <= truncatedUntil) + 1
    const next = this.#changes.findIndex((change) => change.cutsOff && change.position > truncatedUntil)
    const most = next === -1 ? this.#changes.length : next
    const kept = keptOf(luck, leftover, least, most)
    const content = this.#after(kept)
    if (leftover === 'torn pages' && most > least && luck.happens(50)) {
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

function keptOf(luck: Chance, leftover: Leftover, least: number, most: number): number {
  if (leftover === 'nothing' || least === most) return least
  if (leftover === 'everything') return most
  if (luck.happens(40)) return least
  return luck.happens(60) ? most : luck.integer(least, most)
}

/** A file as the process sees it, and what a disk may hold of it. */
export class DiskFile {
  readonly #pages = new Map<number, Page>()
  /** Its size as the process sees it, and its durable size. */
  #size = 0
  #durableSize = 0
  /** Truncations that are not synced yet. */
  #truncations: { position: number; size: number }[] = []
  /** When the latest failed sync began: earlier changes are not written any more. */
  #failedAt = -1

  /** @param content the durable content at first */
  constructor(content: Buffer = Buffer.alloc(0)) {
    this.#size = content.length
    this.#durableSize = content.length
    for (let at = 0; at < content.length; at += PAGE_BYTES) {
      const page = Buffer.alloc(PAGE_BYTES)
      content.copy(page, 0, at, at + PAGE_BYTES)
      this.#pages.set(at / PAGE_BYTES, new Page(page))
    }
  }

  write(position: number, offset: number, data: Buffer): void {
    this.#size = Math.max(this.#size, offset + data.length)
    const size = this.#size
    for (let done = 0; done < data.length; ) {
      const start = (offset + done) % PAGE_BYTES
      const piece = data.subarray(done, done + PAGE_BYTES - start)
      const apply = (page: Buffer): void => void piece.copy(page, start)
      this.#page(Math.floor((offset + done) / PAGE_BYTES)).change({ position, apply, size, cutsOff: false })
      done += piece.length
    }
  }

  /** Takes over the content of the page cache: a killed process may not have recorded its last write. */
  isSeenAs(position: number, content: Buffer): void {
    for (let at = 0; at < content.length; at += PAGE_BYTES) {
      const piece = content.subarray(at, at + PAGE_BYTES)
      if (
        !this.#page(at / PAGE_BYTES)
          .seen.subarray(0, piece.length)
          .equals(piece)
      )
        this.write(position, at, piece)
    }
  }

  truncate(position: number, size: number): void {
    for (const [number, page] of this.#pages) {
      const start = Math.max(0, size - number * PAGE_BYTES)
      if (start >= PAGE_BYTES) continue
      page.change({ position, apply: (bytes) => void bytes.fill(0, start), size, cutsOff: true })
    }
    this.#truncations.push({ position, size })
    this.#size = size
  }

  /** @param begun when the sync began: earlier changes are durable now */
  synced(begun: number): void {
    for (const page of this.#pages.values()) page.synced(begun, (position) => position < this.#failedAt)
    this.#truncations = this.#truncations.filter(({ position }) => position >= begun)
    this.#durableSize = this.#size
  }

  syncFailed(begun: number): void {
    this.#failedAt = begun
  }

  /** Chooses what a power cut leaves. Truncations take effect in order, because the file system journals them. */
  cut(luck: Chance, leftover: Leftover): Buffer {
    const count = leftover === 'everything' ? this.#truncations.length : luck.integer(0, this.#truncations.length)
    const truncations = leftover === 'nothing' ? [] : this.#truncations.slice(0, count)
    const until = truncations.at(-1)?.position ?? -1
    let size = truncations.at(-1)?.size ?? this.#durableSize
    const contents = [...this.#pages].map(([number, page]) => {
      const { content, size: least } = page.cut(luck, leftover, until)
      size = Math.max(size, Math.min(least, (number + 1) * PAGE_BYTES))
      return { at: number * PAGE_BYTES, content }
    })
    const whole = Buffer.alloc(size)
    for (const { at, content } of contents) if (at < size) content.copy(whole, at)
    return whole
  }

  #page(number: number): Page {
    const page = this.#pages.get(number) ?? new Page()
    this.#pages.set(number, page)
    return page
  }
}
