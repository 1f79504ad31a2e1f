import { readFileSync } from 'node:fs'
import { StoreRefused } from '../../../errors/store-errors.ts'
import { realPath } from '../real-path.ts'

/**
 * A file that is mounted by itself (`docker -v ./a.db:/data/a.db`, `subPath` of Kubernetes) has two paths, each with a
 * lock and a log of its own. The log beside the mount goes with the container. Device and inode are those of the file
 * that is mounted, so only the list of mounts tells. A folder takes the lock and the log along; it may have many paths.
 * @throws {StoreRefused}
 */
export function refuseMountedAlone(path: string): void {
  if (mountPoints().includes(realPath(path))) {
    throw new StoreRefused(`${path} is mounted by itself, without its log: mount the folder that it is in`)
  }
}

/** None where the system keeps no such list: only Linux mounts files. */
function mountPoints(): string[] {
  try {
    const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
    return lines.map((line) => unescaped(line.split(' ')[4] ?? ''))
  } catch {
    return []
  }
}

/** Blanks, line ends and backslashes are written as three octal digits. */
const unescaped = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
