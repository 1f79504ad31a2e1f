import { readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/** As many links as Linux follows. */
const MOST_LINKS = 40

/** The path with links followed as far as it exists, and a link to what is not there yet as well. */
export function realPath(path: string, links = MOST_LINKS): string {
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
