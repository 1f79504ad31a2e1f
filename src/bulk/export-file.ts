import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { showProgress } from '../cli/progress.ts'
import { systemClock } from '../kit/clock.ts'
import type { ExportOptions } from './export-options.ts'
import { type ExportedFormula, textOf } from './files/write.ts'
import { workbookOf } from './files/write-xlsx.ts'
import { CannotGoOn, describe, type Patience, untilAnswered } from './patience.ts'
import { Service } from './service.ts'

/** As many as the service gives at once. */
const PAGE_LENGTH = 200

/**
 * Writes every formula, newest first, page by page as fast as it is read.
 * A file has its name only when it is whole: until then it is called `<file>.part`.
 * @returns how many formulas
 * @throws {Interrupted | GaveUp | CannotGoOn} and nothing is left of the file
 */
export async function exportFile(options: ExportOptions, stop: AbortSignal): Promise<number> {
  let done = 0
  let waiting: string | null = null
  const patience: Patience = {
    clock: systemClock,
    random: Math.random,
    stop,
    giveUpAfterMs: options.giveUpAfterMs,
    onWait: (reason) => {
      waiting = reason
    },
  }
  const progress = showProgress(process.stderr, null, () => ({
    done,
    text: `${done} formulas${waiting === null ? '' : `; waiting: ${waiting}`}`,
  }))
  async function* counted(): AsyncGenerator<ExportedFormula[]> {
    for await (const page of pages(new Service(options.url, options.apiKey), patience)) {
      yield page
      done += page.length
    }
  }
  try {
    await write(contentOf(options, counted()), options.file, stop)
    return done
  } finally {
    progress.end()
  }
}

/** The content of the file, in parts. */
async function* contentOf(
  { format, csv }: ExportOptions,
  pages: AsyncIterable<ExportedFormula[]>,
): AsyncGenerator<string | Buffer> {
  if (format === 'xlsx') return yield await workbookOf(pages)
  const { head, formulas, foot } = textOf(format, csv)
  let isFirst = true
  yield head
  for await (const page of pages) {
    yield formulas(page, isFirst)
    isFirst = false
  }
  yield foot
}

async function write(
  content: AsyncGenerator<string | Buffer>,
  file: string | null,
  signal: AbortSignal,
): Promise<void> {
  if (file === null) return pipeline(Readable.from(content), process.stdout, { signal, end: false })
  const part = `${file}.part`
  try {
    await pipeline(Readable.from(content), createWriteStream(part, { mode: 0o600, flush: true }), { signal })
    await rename(part, file)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

async function* pages(service: Service, patience: Patience): AsyncGenerator<ExportedFormula[]> {
  let cursor: string | null = null
  do {
    const answer = await untilAnswered(() => service.page(PAGE_LENGTH, cursor), patience)
    const { formulas, nextCursor } = (answer.body ?? {}) as { formulas?: ExportedFormula[]; nextCursor?: string | null }
    if (answer.status !== 200 || formulas === undefined || nextCursor === undefined) {
      throw new CannotGoOn(`The service answered ${describe(answer)}`)
    }
    if (formulas.length > 0) yield formulas
    cursor = nextCursor
  } while (cursor !== null)
}
