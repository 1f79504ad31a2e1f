import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { showProgress } from '../cli/progress.ts'
import { type Command, EXIT, type Surroundings } from '../cli/run-command.ts'
import { contentOf, type ExportedFormula } from './files/write.ts'
import { BadOptions, EXPORT_USAGE, type ExportOptions, readExportOptions } from './options.ts'
import { CannotContinue, describe, GaveUp, ServiceClient } from './service.ts'

/** The most that the service returns at once. */
const PAGE_LENGTH = 200

/** Exports every formula to where the arguments say. */
export const exportCommand: Command = {
  usage: EXPORT_USAGE,
  expected: [BadOptions, CannotContinue, GaveUp],
  async run({ args, env, stdout, stderr, stopOnSignals }) {
    const options = readExportOptions(args, env)
    const stop = stopOnSignals(() => stderr.write('\nStopping.\n'))
    try {
      const count = await exportFormulas(options, stop.signal, { stdout, stderr })
      stderr.write(`${count} formulas exported\n`)
      return EXIT.done
    } catch (error) {
      if (stop.signal.aborted) return EXIT.interrupted
      throw error
    }
  },
}

/**
 * Writes every formula, newest first.
 * @returns the number of formulas
 * @throws {Interrupted | GaveUp | CannotContinue} and leaves no file
 */
async function exportFormulas(
  { format, csv, file, ...serviceOptions }: ExportOptions,
  stop: AbortSignal,
  { stdout, stderr }: Pick<Surroundings, 'stdout' | 'stderr'>,
): Promise<number> {
  const service = new ServiceClient(serviceOptions, stop)
  let done = 0
  const progress = showProgress(stderr, null, () => ({ done, text: `${done} formulas${service.waitingNote}` }))
  async function* pages(): AsyncGenerator<ExportedFormula[]> {
    for await (const page of pagesOf(service)) {
      yield page
      done += page.length
    }
  }
  try {
    const content = contentOf(format, csv, pages())
    if (file === null) await pipeline(content, stdout, { signal: stop, end: false })
    else await writeFile(file, content, stop)
    return done
  } finally {
    progress.end()
  }
}

/** Writes to `<file>.part`, and renames it when it is complete. */
async function writeFile(file: string, content: AsyncIterable<string | Buffer>, signal: AbortSignal): Promise<void> {
  const part = `${file}.part`
  try {
    await pipeline(content, createWriteStream(part, { mode: 0o600, flush: true }), { signal })
    await rename(part, file)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

async function* pagesOf(service: ServiceClient): AsyncGenerator<ExportedFormula[]> {
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
