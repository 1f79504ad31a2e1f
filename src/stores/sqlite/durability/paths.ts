import { readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { StoreRefused } from '../../../errors/store-errors.ts'

/** As many symbolic links as Linux follows. */
const MAX_LINKS = 40

/** Resolves symbolic links in a path, also where the path or a link's target does not exist yet. */
export function realPath(path: string, links = MAX_LINKS): string {
  try {
    return realpathSync(path)
  } catch {
    const target = links > 0 ? linkTarget(path) : null
    if (target !== null) return realPath(resolve(dirname(path), target), links - 1)
    const parent = dirname(path)
    return parent === path ? path : join(realPath(parent, links), basename(path))
  }
}

function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}

/**
 * Refuses a file that is itself a mount point (`docker -v ./a.db:/data/a.db`, `subPath` of Kubernetes). It has two paths,
 * each with its own lock and write-ahead log, and the log beside the mount is deleted with the container. Device and inode
 * are those of the original file, so only the list of mounts reveals it. A mounted folder is safe: lock and log are inside.
 * @throws {StoreRefused}
 */
export function refuseMountedFile(path: string): void {
  if (mountPoints().includes(realPath(path))) {
    throw new StoreRefused(`${path} is mounted by itself, without its log: mount the folder that it is in`)
  }
}

/** Empty where there is no mountinfo: only Linux can mount a single file. */
function mountPoints(): string[] {
  try {
    const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
    return lines.map((line) => unescaped(line.split(' ')[4] ?? ''))
  } catch {
    return []
  }
}

/** Blanks, line ends and backslashes are escaped as three octal digits. */
const unescaped = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
