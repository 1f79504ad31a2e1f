import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { platform } from 'node:os'

/** Clock ticks of a second in /proc, on every Linux. */
const TICKS_PER_SECOND = 100

interface Stat {
  pid: number
  parent: number
  /** CPU time of its own, and that of children that have ended. */
  ownMs: number
  endedMs: number
}

function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in the second field may hold blanks and brackets.
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    const inMs = (from: number): number => (((fields[from] ?? 0) + (fields[from + 1] ?? 0)) * 1000) / TICKS_PER_SECOND
    return { pid, parent: fields[1] ?? 0, ownMs: inMs(11), endedMs: inMs(13) }
  } catch {
    // It has ended meanwhile.
    return undefined
  }
}

function everyStat(): Stat[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  return pids.map(readStat).filter((stat) => stat !== undefined)
}

/** Sends a signal to a process, which may have ended meanwhile. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** The children of a process. */
export function childrenOf(pid: number): number[] {
  const all = platform() === 'linux' ? everyStat() : listed()
  return all.filter(({ parent }) => parent === pid).map((child) => child.pid)
}

/** For systems without /proc; slim Linux images have no `ps`. */
function listed(): Pick<Stat, 'pid' | 'parent'>[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
  return lines.map((line) => line.trim().split(/\s+/).map(Number)).map(([pid = 0, parent = 0]) => ({ pid, parent }))
}

/** CPU time that a process and its children have used, in milliseconds, those that have ended included; on Linux only. */
export function cpuMsOf(pid: number): number {
  const tree = everyStat().filter((stat) => stat.pid === pid || stat.parent === pid)
  return tree.reduce((sum, { ownMs, endedMs }) => sum + ownMs + endedMs, 0)
}
