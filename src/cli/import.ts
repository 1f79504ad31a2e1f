import { UnreadableFile } from '../bulk/files/row.ts'
import { countsInWords, importFile } from '../bulk/import-file.ts'
import { IMPORT_USAGE, readImportOptions } from '../bulk/import-options.ts'
import { BadOptions } from '../bulk/options.ts'
import { CannotGoOn, GaveUp } from '../bulk/patience.ts'
import { EXIT, runCommand, stopOnSignals } from './ending.ts'

/** Imports the file that the arguments name. */
async function run(): Promise<number> {
  const options = readImportOptions(process.argv.slice(2), process.env)
  if (options === null) {
    process.stdout.write(IMPORT_USAGE)
    return EXIT.done
  }
  let isInterrupted = false
  const stop = stopOnSignals(() => {
    isInterrupted = true
    process.stderr.write('\nStopping when the lists under way are answered. Press Ctrl-C again to stop at once.\n')
  })
  const { standing, failure, isFinished } = await importFile(options, stop)
  process.stdout.write(`${countsInWords(standing, options.dryRun)}\n`)
  if (failure !== null) throw failure
  if (isInterrupted && !isFinished) {
    process.stderr.write('Not finished. Run it again to go on: nothing is taken in twice.\n')
    return EXIT.interrupted
  }
  return standing.refused > 0 ? EXIT.refused : EXIT.done
}

await runCommand(run, [BadOptions, UnreadableFile, CannotGoOn, GaveUp])
