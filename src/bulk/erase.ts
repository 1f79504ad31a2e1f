import { showProgress } from '../cli/progress.ts'
import { type Command, EXIT } from '../cli/run-command.ts'
import { BadOptions, ERASE_USAGE, readEraseOptions } from './options.ts'
import { type Answer, CannotContinue, codeOf, describe, GaveUp, ServiceClient } from './service.ts'

/** Erases the formulas whose ids the arguments name, one after the other. */
export const eraseCommand: Command = {
  usage: ERASE_USAGE,
  expected: [BadOptions, CannotContinue, GaveUp],
  async run({ args, env, stdout, stderr, stopOnSignals }) {
    const { ids, ...serviceOptions } = readEraseOptions(args, env)
    const stop = stopOnSignals(() => stderr.write('\nStopping.\n'))
    const service = new ServiceClient(serviceOptions, stop.signal)
    const counts = { erased: 0, unknown: 0 }
    const summary = () => `${counts.erased} erased, ${counts.unknown} not there`
    const progress = showProgress(stderr, ids.length, () => {
      return { done: counts.erased + counts.unknown, text: `${summary()}${service.waitingNote}` }
    })
    try {
      for (const id of ids) {
        if (stop.signal.aborted) break
        counts[outcomeOf(await service.erase(id))]++
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error
    } finally {
      progress.end()
      stdout.write(`${summary()}\n`)
    }
    if (counts.erased + counts.unknown < ids.length) {
      stderr.write('Not finished. Run it again to go on.\n')
      return EXIT.interrupted
    }
    return counts.unknown > 0 ? EXIT.refused : EXIT.done
  },
}

function outcomeOf(answer: Answer): 'erased' | 'unknown' {
  if (answer.status === 204) return 'erased'
  if (answer.status === 404 && codeOf(answer.body) === 'FORMULA_NOT_FOUND') {
    // After an answer that was lost, or a 503 for an erasure that then went on by itself, it is not there any more.
    return answer.mayRepeat ? 'erased' : 'unknown'
  }
  throw new CannotContinue(`The service answered ${describe(answer)}`)
}
