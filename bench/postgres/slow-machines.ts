import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const ROOT = '/sys/fs/cgroup'
/** The shortest quota of Linux is 1 ms: a period of 10 ms allows a tenth of a core. */
const PERIOD_US = 10_000

/**
 * Machines whose cores are shares of real ones, so that a few real cores carry many. They are control groups of Linux:
 * one for each machine, and in it one for each of its processes, which has one core at most.
 */
export class SlowMachines {
  readonly #share: number
  readonly #isVersion2 = existsSync(join(ROOT, 'cgroup.controllers'))
  readonly #folder = join(ROOT, this.#isVersion2 ? '' : 'cpu', `formula-bench-${process.pid}`)
  /** Cores by folder, outer folders first. */
  readonly #cores = new Map<string, number>()
  #isHeld = false

  /** @returns undefined where groups cannot be made: elsewhere than on Linux, or not as root */
  static make(share: number): SlowMachines | undefined {
    try {
      return new SlowMachines(share)
    } catch {
      return undefined
    }
  }

  private constructor(share: number) {
    this.#share = share
    this.#makeFolder(this.#folder)
  }

  /** Moves a process to a machine. */
  place(pid: number, machine: string, cores: number): void {
    const folder = join(this.#folder, machine)
    this.#makeGroup(folder, cores)
    this.#makeGroup(join(folder, `${pid}`), 1)
    try {
      writeFileSync(join(folder, `${pid}`, 'cgroup.procs'), `${pid}`)
    } catch (error) {
      // It may have ended meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  /** Slows the machines down, or lets them run at full speed, as they do at first. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld
    for (const folder of this.#cores.keys()) this.#limit(folder)
  }

  /** Removes the groups. Their processes must have ended. */
  remove(): void {
    for (const folder of [this.#folder, ...this.#cores.keys()].toReversed()) rmdirSync(folder)
    this.#cores.clear()
  }

  #makeGroup(folder: string, cores: number): void {
    if (this.#cores.has(folder)) return
    this.#makeFolder(folder)
    this.#cores.set(folder, cores)
    this.#limit(folder)
  }

  #makeFolder(folder: string): void {
    if (this.#isVersion2) writeFileSync(join(dirname(folder), 'cgroup.subtree_control'), '+cpu')
    mkdirSync(folder)
  }

  #limit(folder: string): void {
    const quota = Math.round((this.#cores.get(folder) ?? 0) * this.#share * PERIOD_US)
    if (this.#isVersion2) {
      writeFileSync(join(folder, 'cpu.max'), `${this.#isHeld ? quota : 'max'} ${PERIOD_US}`)
    } else {
      writeFileSync(join(folder, 'cpu.cfs_period_us'), `${PERIOD_US}`)
      writeFileSync(join(folder, 'cpu.cfs_quota_us'), `${this.#isHeld ? quota : -1}`)
    }
  }
}
