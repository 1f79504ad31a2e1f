import { type Progress, showProgress } from '../cli/progress.ts'
import { type Command, EXIT, type Surroundings } from '../cli/run-command.ts'
import { corrected } from './corrections.ts'
import { inUtf8 } from './files/encoding.ts'
import { readerOf } from './files/formats.ts'
import { type Row, UnreadableFile } from './files/row.ts'
import { Source } from './files/source.ts'
import { BadOptions, IMPORT_USAGE, type ImportOptions, readImportOptions } from './options.ts'
import { CannotContinue, GaveUp, Interrupted, ServiceClient } from './service.ts'
import { Tally } from './tally.ts'
import { check, intoLists, type List, Uploader } from './upload.ts'

export const importCommand: Command = {
  usage: IMPORT_USAGE,
  expected: [BadOptions, UnreadableFile, CannotContinue, GaveUp],
  async run({ args, env, stdout, stderr, stopOnSignals }) {
    const options = readImportOptions(args, env)
    let isInterrupted = false
    const stop = stopOnSignals(() => {
      isInterrupted = true
      stderr.write('\nStopping once the lists in flight are answered. Press Ctrl-C again to stop at once.\n')
    })
    const { tally, failure, isFinished } = await importFile(options, stop, { stdout, stderr })
    stdout.write(`${tally.summary(options.dryRun)}\n`)
    if (failure !== null) throw failure
    if (isInterrupted && !isFinished) {
      stderr.write('Not finished. Run it again to go on: nothing is taken in twice.\n')
      return EXIT.interrupted
    }
    return tally.refused > 0 ? EXIT.refused : EXIT.done
  },
}

interface ImportResult {
  tally: Tally
  /** Why the import ended early; null when it did not, or was stopped. */
  failure: unknown
  /** Whether the whole file was read, and the outcome of each formula is known. */
  isFinished: boolean
}

/**
 * Imports a file of any size: it is read no faster than the service accepts it.
 * @param stop ends it early: requests under way are finished, no new ones begun. A failure aborts it as well
 */
async function importFile(
  options: ImportOptions,
  stop: AbortController,
  { stdout, stderr }: Pick<Surroundings, 'stdout' | 'stderr'>,
): Promise<ImportResult> {
  // CSV is read twice; a workbook is kept in memory instead.
  const source = new Source(options.file, options.format === 'csv' ? 2 : 1, stop.signal)
  const tally: Tally = new Tally(options.report, (line) => {
    progress.clear()
    stdout.write(`${line}\n`)
  })
  const service = new ServiceClient(options, stop.signal)
  const start = performance.now()
  const progress: Progress = showProgress(stderr, source.size, () => {
    const perSecond = tally.decided / Math.max((performance.now() - start) / 1000, 0.001)
    const text = `${tally.summary(options.dryRun)}; ${Math.round(perSecond)}/s${service.waitingNote}`
    return { done: source.bytesRead, text }
  })
  const uploader = new Uploader(service, tally)
  const reading: Reading = { entries: 0, isWhole: false, failure: null }
  const lists = intoLists(readRows(source, options, tally, reading), stop.signal)
  const work = async (list: List) => (options.dryRun ? check(list, tally) : uploader.send(list))
  try {
    const failure = await inParallel(lists, options.concurrency, work, stop)
    const isFinished = reading.isWhole && reading.entries === tally.decided
    return { tally, failure: failure ?? reading.failure, isFinished }
  } finally {
    progress.end()
    tally.close()
    source.close()
  }
}

interface Reading {
  entries: number
  isWhole: boolean
  /** Set when nothing below some line can be read. */
  failure: UnreadableFile | null
}

/** Yields the rows of a file, and reports what cannot be read. */
async function* readRows(
  source: Source,
  { format, delimiter, table, encoding, corrections }: ImportOptions,
  tally: Tally,
  reading: Reading,
): AsyncGenerator<Row[]> {
  const read = () => (format === 'xlsx' ? source.read() : inUtf8(source.read(), encoding))
  for await (const entries of readerOf(format, delimiter, table)(read)) {
    reading.entries += entries.length
    const rows: Row[] = []
    for (const entry of entries) {
      if ('problem' in entry) {
        tally.refuse(entry.line, [entry.problem])
        if (entry.isEnd) reading.failure = new UnreadableFile(`Nothing below line ${entry.line} could be read`)
      } else {
        for (const { line, message } of entry.warnings ?? []) tally.warn(line, message)
        rows.push(corrected(entry, corrections))
      }
    }
    yield rows
  }
  reading.isWhole = true
}

/**
 * Works on several items at a time. Takes the next item only when a worker is free.
 * @returns the first failure once all workers have ended; null when there was none, or it was stopped
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
      if (!(error instanceof Interrupted)) failure ??= error
      stop.abort()
    }
  }
  await Promise.all(Array.from({ length: workers }, run))
  return failure
}
