import { type Command, EXIT } from '../cli/run-command.ts'
import { exportFile } from './export-file.ts'
import { EXPORT_USAGE, readExportOptions } from './export-options.ts'
import { BadOptions } from './options.ts'
import { CannotContinue, GaveUp } from './service.ts'

/** Exports every formula to where the arguments say. */
export const exportCommand: Command = {
  expected: [BadOptions, CannotContinue, GaveUp],
  async run({ args, env, stdout, stderr, stopOnSignals }) {
    const options = readExportOptions(args, env)
    if (options === null) {
      stdout.write(EXPORT_USAGE)
      return EXIT.done
    }
    const stop = stopOnSignals(() => stderr.write('\nStopping.\n'))
    try {
      const count = await exportFile(options, stop.signal, { stdout, stderr })
      stderr.write(`${count} formulas exported\n`)
      return EXIT.done
    } catch (error) {
      if (stop.signal.aborted) return EXIT.interrupted
      throw error
    }
  },
}
