import { type Luck, type Mood, PAGE_BYTES, Page } from './pages.ts'

/** A file, whatever its name, as it lies on disk and as the process sees it. */
export class DiskFile {
  readonly #pages = new Map<number, Page>()
  /** How long the process sees it; how long it is on disk for certain. */
  #size = 0
  #durableSize = 0
  /** Changes of size by truncation that are not synced yet. */
  #truncations: { position: number; size: number }[] = []
  /** When the latest sync began that failed: what was done before is not written any more, unless it is on disk. */
  #failedAt = -1

  /** @param content what is on disk to begin with */
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

  /** The process saw it so, whatever was recorded: one that is killed may not have recorded its last write. */
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

  /** @param begun where the sync began: what was done before is on disk now */
  synced(begun: number): void {
    for (const page of this.#pages.values()) page.synced(begun, (position) => position < this.#failedAt)
    this.#truncations = this.#truncations.filter(({ position }) => position >= begun)
    this.#durableSize = this.#size
  }

  syncFailed(begun: number): void {
    this.#failedAt = begun
  }

  /** What a power cut leaves of it. Its truncations have happened up to one of them: they are journalled in order. */
  cut(luck: Luck, mood: Mood): Buffer {
    const count = mood === 'everything' ? this.#truncations.length : luck.integer(0, this.#truncations.length)
    const truncations = mood === 'nothing' ? [] : this.#truncations.slice(0, count)
    const until = truncations.at(-1)?.position ?? -1
    let size = truncations.at(-1)?.size ?? this.#durableSize
    const contents = [...this.#pages].map(([number, page]) => {
      const { content, size: least } = page.cut(luck, mood, until)
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
