import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { showProgress } from '../cli/progress.ts'
import type { Surroundings } from '../cli/run-command.ts'
import type { ExportOptions } from './export-options.ts'
import { contentOf, type ExportedFormula } from './files/write.ts'
import { CannotContinue, describe, Service } from './service.ts'

/** The most that the service returns at once. */
const PAGE_LENGTH = 200

/**
 * Writes every formula, newest first. Until the file is complete it is called `<file>.part`.
 * @returns the number of formulas
 * @throws {Interrupted | GaveUp | CannotContinue} and removes the unfinished file
 */
export async function exportFile(
  options: ExportOptions,
  stop: AbortSignal,
  { stdout, stderr }: Pick<Surroundings, 'stdout' | 'stderr'>,
): Promise<number> {
  const { format, csv, file } = options
  const service = new Service(options, stop)
  let done = 0
  const progress = showProgress(stderr, null, () => ({
    done,
    text: `${done} formulas${service.waitingNote}`,
  }))
  async function* pages(): AsyncGenerator<ExportedFormula[]> {
    for await (const page of pagesOf(service)) {
      yield page
      done += page.length
    }
  }
  try {
    await write(Readable.from(contentOf(format, csv, pages())), file ?? stdout, stop)
    return done
  } finally {
    progress.end()
  }
}

async function write(content: Readable, to: string | NodeJS.WritableStream, signal: AbortSignal): Promise<void> {
  if (typeof to !== 'string') return pipeline(content, to, { signal, end: false })
  const part = `${to}.part`
  try {
    await pipeline(content, createWriteStream(part, { mode: 0o600, flush: true }), { signal })
    await rename(part, to)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

async function* pagesOf(service: Service): AsyncGenerator<ExportedFormula[]> {
  let cursor: string | null = null
  do {
    const answer = await service.page(PAGE_LENGTH, cursor)
    const { formulas, nextCursor } = (answer.body ?? {}) as { formulas?: ExportedFormula[]; nextCursor?: string | null }
    if (answer.status !== 200 || formulas === undefined || nextCursor === undefined) {
      throw new CannotContinue(`The service answered ${describe(answer)}`)
    }
    if (formulas.length > 0) yield formulas
    cursor = nextCursor
  } while (cursor !== null)
}
