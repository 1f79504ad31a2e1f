import { setTimeout as sleep } from 'node:timers/promises'
import { consume } from '../../examples/worker.ts'

/** The example's worker with another kind of work: slow, failing, or dying after its effect, as a test has it. */
const { WORK_MS = '0', FAILURES = '0', DIES = '' } = process.env

const stop = new AbortController()
process.on('SIGTERM', () => stop.abort())
await consume(async ({ name, receiveCount }) => {
  // The test reads these lines.
  process.stdout.write(`${name}: lease ${receiveCount}\n`)
  await sleep(Number(WORK_MS))
  if (DIES) process.kill(process.pid, 'SIGKILL')
  if (receiveCount <= Number(FAILURES)) throw new Error('on purpose')
  process.stdout.write(`${name}: done\n`)
}, stop.signal)
