import { type Progress, showProgress } from '../cli/progress.ts'
import { systemClock } from '../kit/clock.ts'
import { corrected } from './corrections.ts'
import { DryRun } from './dry-run.ts'
import { inUtf8 } from './files/encoding.ts'
import { isText, readerOf, readingsOf } from './files/formats.ts'
import { type Entry, UnreadableFile } from './files/row.ts'
import { openSource, type Source } from './files/source.ts'
import type { ImportOptions } from './import-options.ts'
import { Intake } from './intake.ts'
import { intoLists } from './lists.ts'
import { Service } from './service.ts'
import { type Standing, Tally } from './tally.ts'

/** How an import ended. */
export interface Ended {
  standing: Standing
  /** Why it did not come to the end of the file, where it is not that it was told to stop. */
  failure: unknown
  /** Whether the whole file was read, and each formula of it has found its end. */
  isFinished: boolean
}

/**
 * Imports a file: reads it as fast as the service takes it in, and no faster, so that it may have any size.
 * @param stop ends it early: what is under way is finished, nothing new is begun. A failure aborts it as well
 */
export async function importFile(options: ImportOptions, stop: AbortController): Promise<Ended> {
  const source = openSource(options.file, readingsOf(options.format), stop.signal)
  const tally: Tally = new Tally(options.report, (line) => {
    progress.clear()
    process.stdout.write(`${line}\n`)
  })
  let waiting: string | null = null
  const begun = performance.now()
  const progress: Progress = showProgress(process.stderr, source.size, () => ({
    done: source.bytesRead,
    text: inWords(countsInWords(tally, options.dryRun), tally.decided / secondsSince(begun), waiting),
  }))
  const intake = intakeOf(options, tally, stop.signal, (reason) => {
    waiting = reason
  })
  let end: UnreadableFile | null = null
  const seen = { entries: 0, isAll: false }
  const lists = intoLists(
    observed(entriesOf(source, options), tally, seen),
    ({ line, problem, isEnd }) => {
      tally.refuse(line, [problem])
      if (isEnd === true) end = new UnreadableFile(`The file was read no further than line ${line}`)
    },
    stop.signal,
  )
  try {
    const failure = await inParallel(lists, options.concurrency, (list) => intake.takeIn(list), stop)
    const isFinished = seen.isAll && source.isAtEnd && seen.entries === tally.decided
    return { standing: tally, failure: failure ?? end, isFinished }
  } finally {
    progress.end()
    tally.close()
    source.close()
  }
}

function intakeOf(
  { dryRun, url, apiKey, giveUpAfterMs }: ImportOptions,
  tally: Tally,
  stop: AbortSignal,
  onWait: (reason: string | null) => void,
): Intake | DryRun {
  if (dryRun) return new DryRun(tally)
  const patience = { clock: systemClock, random: Math.random, stop, giveUpAfterMs, onWait }
  return new Intake(new Service(url, apiKey), patience, tally)
}

function entriesOf(source: Source, options: ImportOptions): AsyncIterable<Entry[]> {
  const { format, delimiter, table, encoding, corrections } = options
  const read = () => (isText(format) ? inUtf8(source.read(), encoding) : source.read())
  const chunksOfEntries = readerOf(format, delimiter, table)(read)
  async function* withCorrections() {
    for await (const entries of chunksOfEntries) {
      yield entries.map((entry) => ('json' in entry ? corrected(entry, corrections) : entry))
    }
  }
  return withCorrections()
}

/** Counts the entries that pass, and tells of what should be looked at in them. */
async function* observed(
  chunksOfEntries: AsyncIterable<Entry[]>,
  tally: Tally,
  seen: { entries: number; isAll: boolean },
): AsyncIterable<Entry[]> {
  for await (const entries of chunksOfEntries) {
    seen.entries += entries.length
    for (const entry of entries) {
      if ('json' in entry) for (const { line, message } of entry.warnings ?? []) tally.warn(line, message)
    }
    yield entries
  }
  seen.isAll = true
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

const secondsSince = (begun: number): number => Math.max((performance.now() - begun) / 1000, 0.001)

function inWords(counts: string, perSecond: number, waiting: string | null): string {
  return `${counts}; ${Math.round(perSecond)}/s${waiting === null ? '' : `; waiting: ${waiting}`}`
}

/** The counts of an import, for the user. */
export function countsInWords(standing: Standing, isDryRun: boolean): string {
  const { added, addedBefore, known, refused, good, turnedAway, unanswered } = standing
  if (isDryRun) return `${good} would be sent, ${refused} refused; nothing was sent`
  const before = addedBefore > 0 ? ` (${addedBefore} by an earlier run or try)` : ''
  const away = turnedAway > 0 ? `, ${turnedAway} sent and not taken in` : ''
  const open = unanswered > 0 ? `, ${unanswered} without an answer` : ''
  return `${added} added${before}, ${known} known already, ${refused} refused${away}${open}`
}
