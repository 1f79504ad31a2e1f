import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, tmpdir, totalmem, type } from 'node:os'
import { generator } from './load/load.ts'

/** What was measured, where and when. */
export function caption(): string {
  const [{ model } = { model: 'unknown' }] = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB of memory`
  return (
    `Run of ${new Date().toISOString().slice(0, 10)}, commit ${commit()}. ` +
    `${model.trim()}, ${cpus().length} cores, ${memory}, ${type()} ${release()}, ${fileSystemOf(tmpdir())}, ` +
    `Node ${process.version}; load by ${generator.name} ${generator.version} on the same machine.`
  )
}

/** The commit that is measured, and whether files differ from it. */
function commit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim()
  try {
    const changed = git('status', '--porcelain', '--', 'src', 'plugins', 'routes', 'package-lock.json') !== ''
    return `${git('rev-parse', '--short', 'HEAD')}${changed ? ' and changes' : ''}`
  } catch {
    return 'unknown'
  }
}

/** The type of the innermost mount above a path; `unknown` where the system does not list its mounts. */
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
