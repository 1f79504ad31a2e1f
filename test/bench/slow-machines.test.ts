import { spawn } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { SlowMachines } from '../../bench/postgres/slow-machines.ts'
import { cpuMsOf } from '../support/postgres/process-tree.ts'

const SHARE = 0.1
const MEASURED_MS = 1_000
/** Periods and clock ticks begin and end within a measurement. */
const SLACK = 1.5

const machines = SlowMachines.make(SHARE)

/** The process id of one that does nothing but compute. */
function busy(t: Test): number {
  const child = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  t.teardown(() => {
    child.kill('SIGKILL')
    return ended
  })
  return child.pid as number
}

/** CPU time of processes as a share of the time that passes. */
async function shareOf(...pids: number[]): Promise<number> {
  const [before, began] = [pids.map(cpuMsOf), performance.now()]
  await pause(MEASURED_MS)
  const used = pids.reduce((sum, pid, index) => sum + cpuMsOf(pid) - (before[index] as number), 0)
  return used / (performance.now() - began)
}

test('a process gets a slow core at most, and all of a machine its cores at most', {
  skip: machines === undefined && 'needs root on Linux, with control groups',
}, async (t) => {
  // Runs last: groups can be removed when their processes have ended.
  t.teardown(() => machines?.remove())
  const [several, alone] = [[busy(t), busy(t), busy(t)], busy(t)]
  for (const each of several) machines?.place(each, 'one-core', 1)
  machines?.place(alone, 'two-cores', 2)
  machines?.hold(true)
  const [shared, single] = await Promise.all([shareOf(...several), shareOf(alone)])
  t.ok(shared > 0 && shared < SHARE * SLACK, `${shared} for three processes on one core`)
  t.ok(single > 0 && single < SHARE * SLACK, `${single} for one process on two cores`)
})
