import { type Progress, showProgress } from '../cli/progress.ts'
import type { Surroundings } from '../cli/run-command.ts'
import { corrected } from './corrections.ts'
import { inUtf8 } from './files/encoding.ts'
import { isText, readerOf } from './files/formats.ts'
import { type Row, UnreadableFile } from './files/row.ts'
import { Source } from './files/source.ts'
import type { ImportOptions } from './import-options.ts'
import { intoLists } from './lists.ts'
import { Service } from './service.ts'
import { Tally } from './tally.ts'
import { DryRun, Uploader } from './upload.ts'

export interface ImportResult {
  tally: Tally
  /** Why the import ended early; null when it did not, or was stopped. */
  failure: unknown
  /** Whether the whole file was read, and the outcome of each formula is known. */
  isFinished: boolean
}

/**
 * Imports a file. It is read no faster than the service takes it in, so it may have any size.
 * @param stop ends it early: requests under way are finished, no new ones begun. A failure aborts it as well
 */
export async function importFile(
  options: ImportOptions,
  stop: AbortController,
  { stdout, stderr }: Pick<Surroundings, 'stdout' | 'stderr'>,
): Promise<ImportResult> {
  // A sheet is kept in memory.
  const source = new Source(options.file, options.format === 'csv' ? 2 : 1, stop.signal)
  const tally: Tally = new Tally(options.report, (line) => {
    progress.clear()
    stdout.write(`${line}\n`)
  })
  const service = new Service(options, stop.signal)
  const start = performance.now()
  const progress: Progress = showProgress(stderr, source.size, () => {
    const perSecond = tally.decided / Math.max((performance.now() - start) / 1000, 0.001)
    const text = `${tally.summary(options.dryRun)}; ${Math.round(perSecond)}/s${service.waitingNote}`
    return { done: source.bytesRead, text }
  })
  const sender = options.dryRun ? new DryRun(tally) : new Uploader(service, tally)
  const reading = new Reading(source, options, tally)
  const lists = intoLists(reading.rows(), stop.signal)
  try {
    const failure = await inParallel(lists, options.concurrency, (list) => sender.send(list), stop)
    const isFinished = reading.isWhole && source.isAtEnd && reading.entries === tally.decided
    return { tally, failure: failure ?? reading.failure, isFinished }
  } finally {
    progress.end()
    tally.close()
    source.close()
  }
}

/** Reads the rows of a file, and reports what cannot be read. */
class Reading {
  entries = 0
  isWhole = false
  /** Set when nothing below some line can be read. */
  failure: UnreadableFile | null = null
  readonly #source: Source
  readonly #options: ImportOptions
  readonly #tally: Tally

  constructor(source: Source, options: ImportOptions, tally: Tally) {
    this.#source = source
    this.#options = options
    this.#tally = tally
  }

  async *rows(): AsyncGenerator<Row[]> {
    const { format, delimiter, table, encoding, corrections } = this.#options
    const read = () => (isText(format) ? inUtf8(this.#source.read(), encoding) : this.#source.read())
    for await (const entries of readerOf(format, delimiter, table)(read)) {
      this.entries += entries.length
      const rows: Row[] = []
      for (const entry of entries) {
        if ('problem' in entry) {
          this.#tally.refuse(entry.line, [entry.problem])
          if (entry.isEnd) this.failure = new UnreadableFile(`The file was read no further than line ${entry.line}`)
        } else {
          for (const { line, message } of entry.warnings ?? []) this.#tally.warn(line, message)
          rows.push(corrected(entry, corrections))
        }
      }
      yield rows
    }
    this.isWhole = true
  }
}

/**
 * Works on several items at a time. Takes the next item only when a worker is free.
 * @returns the first failure once all workers have ended; null when there was none
 */
async function inParallel<T>(
  items: AsyncGenerator<T>,
  workers: number,
  work: (item: T) => Promise<void>,
  stop: AbortController,
): Promise<unknown> {
  let failure: unknown = null
  const run = async () => {
    try {
      for await (const item of items) await work(item)
    } catch (error) {
      failure ??= error
      stop.abort()
    }
  }
  await Promise.all(Array.from({ length: workers }, run))
  return failure
}
