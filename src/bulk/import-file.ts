import { systemClock } from '../clock.ts'
import { readerOf } from './files/formats.ts'
import { openSource } from './files/source.ts'
import { Intake } from './intake.ts'
import { intoLists } from './lists.ts'
import type { ImportOptions } from './options.ts'
import { type Progress, showProgress } from './progress.ts'
import { Service } from './service.ts'
import { type Standing, Tally } from './tally.ts'

/** How an import ended. */
export interface Ended {
  standing: Standing
  /** Why it did not come to the end of the file, where it is not that it was told to stop. */
  failure: unknown
}

/**
 * Imports a file: reads it as fast as the service takes it in, and no faster, so that it may have any size.
 * @param stop ends it early: what is under way is finished, nothing new is begun. A failure aborts it as well
 */
export async function importFile(options: ImportOptions, stop: AbortController): Promise<Ended> {
  const source = openSource(options.file, stop.signal)
  const tally: Tally = new Tally(options.report, (line) => {
    progress.clear()
    process.stdout.write(`${line}\n`)
  })
  let waiting: string | null = null
  const begun = performance.now()
  const progress: Progress = showProgress(process.stderr, source.size, () => ({
    done: source.bytesRead,
    text: inWords(tally, (performance.now() - begun) / 1000, waiting),
  }))
  const intake = new Intake(
    new Service(options.url, options.apiKey),
    {
      clock: systemClock,
      random: Math.random,
      stop: stop.signal,
      giveUpAfterMs: options.giveUpAfterMs,
      onWait: (reason) => {
        waiting = reason
      },
    },
    tally,
  )
  const entries = readerOf(options.format, options.delimiter)(source.chunks)
  const lists = intoLists(entries, ({ line, problem }) => tally.refuse(line, [problem]), stop.signal)
  try {
    const failure = await inParallel(lists, options.concurrency, (list) => intake.takeIn(list), stop)
    return { standing: tally, failure }
  } finally {
    progress.end()
    tally.close()
  }
}

/**
 * Works on items side by side. The next one is asked for when there is a hand free, so no more wait than are worked on.
 * @returns the first failure, when all hands have come to rest; null when there was none
 */
async function inParallel<T>(
  items: AsyncGenerator<T>,
  hands: number,
  work: (item: T) => Promise<void>,
  stop: AbortController,
): Promise<unknown> {
  let failure: unknown = null
  const hand = async () => {
    try {
      for await (const item of items) await work(item)
    } catch (error) {
      failure ??= error
      stop.abort()
    }
  }
  await Promise.all(Array.from({ length: hands }, hand))
  return failure
}

function inWords(standing: Standing, seconds: number, waiting: string | null): string {
  const { added, known, refused } = standing
  const rate = Math.round((added + known + refused) / Math.max(seconds, 0.001))
  return `${countsInWords(standing)}; ${rate}/s${waiting === null ? '' : `; waiting: ${waiting}`}`
}

/** The counts of an import, for the user. */
export function countsInWords({ added, addedBefore, known, refused, unanswered }: Standing): string {
  const before = addedBefore > 0 ? ` (${addedBefore} by an earlier run or try)` : ''
  const open = unanswered > 0 ? `, ${unanswered} without an answer` : ''
  return `${added} added${before}, ${known} known already, ${refused} refused${open}`
}
