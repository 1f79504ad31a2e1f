import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, tmpdir, totalmem, type } from 'node:os'

/** What the figures were taken on. */
export interface Machine {
  cpu: string
  cores: number
  memoryBytes: number
  kernel: string
  /** The file system that the contenders' files were on. */
  fileSystem: string
  node: string
}

export function machine(): Machine {
  const cores = cpus()
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    fileSystem: fileSystemOf(tmpdir()),
    node: process.version,
  }
}

/** The machine in a sentence. */
export function describe({ cpu, cores, memoryBytes, kernel, fileSystem, node }: Machine): string {
  const memory = `${Math.round(memoryBytes / 2 ** 30)} GiB of memory`
  return `${cpu}, ${cores} cores, ${memory}, ${kernel}, ${fileSystem}, Node ${node}`
}

/** The commit that is measured, and whether files differ from it. */
export function commit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim()
  try {
    const changed = git('status', '--porcelain', '--', 'src', 'plugins', 'routes', 'package-lock.json') !== ''
    return `${git('rev-parse', '--short', 'HEAD')}${changed ? ' and changes' : ''}`
  } catch {
    return 'unknown'
  }
}

/** The type of the mount that a path is on, where the system lists its mounts. */
function fileSystemOf(path: string): string {
  try {
    const mounts = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([, point = '/']) => point === '/' || path === point || path.startsWith(`${point}/`))
    const [, , found = 'unknown'] = mounts.toSorted(([, a = ''], [, b = '']) => a.length - b.length).at(-1) ?? []
    return found
  } catch {
    return 'unknown'
  }
}
