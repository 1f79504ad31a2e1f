import { exportFile } from '../bulk/export-file.ts'
import { EXPORT_USAGE, readExportOptions } from '../bulk/export-options.ts'
import { BadOptions } from '../bulk/options.ts'
import { CannotGoOn, GaveUp } from '../bulk/patience.ts'
import { EXIT, runCommand, stopOnSignals } from './ending.ts'

/** Exports every formula to where the arguments say. */
async function run(): Promise<number> {
  const options = readExportOptions(process.argv.slice(2), process.env)
  if (options === null) {
    process.stdout.write(EXPORT_USAGE)
    return EXIT.done
  }
  const stop = stopOnSignals(() => process.stderr.write('\nStopping.\n'))
  try {
    const count = await exportFile(options, stop.signal)
    process.stderr.write(`${count} formulas exported\n`)
    return EXIT.done
  } catch (error) {
    if (stop.signal.aborted) return EXIT.interrupted
    throw error
  }
}

await runCommand(run, [BadOptions, CannotGoOn, GaveUp])
