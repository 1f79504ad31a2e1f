import { type Command, EXIT } from '../cli/run-command.ts'
import { UnreadableFile } from './files/row.ts'
import { importFile } from './import-file.ts'
import { IMPORT_USAGE, readImportOptions } from './import-options.ts'
import { BadOptions } from './options.ts'
import { CannotContinue, GaveUp } from './service.ts'

export const importCommand: Command = {
  expected: [BadOptions, UnreadableFile, CannotContinue, GaveUp],
  async run({ args, env, stdout, stderr, stopOnSignals }) {
    const options = readImportOptions(args, env)
    if (options === null) {
      stdout.write(IMPORT_USAGE)
      return EXIT.done
    }
    let isInterrupted = false
    const stop = stopOnSignals(() => {
      isInterrupted = true
      stderr.write('\nStopping when the lists under way are answered. Press Ctrl-C again to stop at once.\n')
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
