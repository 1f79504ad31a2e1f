import { realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/** Where an engine keeps its data. */
export type StoreLocation = { engine: 'memory' } | { engine: 'sqlite'; path: string }

/**
 * Reads a store URL: `memory:` or `sqlite:<path>`, the path relative to the working directory.
 * @throws {Error} saying what is wrong with it
 */
export function parseLocation(url: string): StoreLocation {
  if (url === 'memory:') return { engine: 'memory' }
  if (/^postgres(ql)?:/i.test(url)) throw new Error('PostgreSQL is not supported by this version')
  const path = /^sqlite:(.*)$/s.exec(url)?.[1]
  if (path === undefined) throw new Error('must be sqlite:<path> or memory:')
  if (path === '' || path.startsWith(':') || /[?#\0]/.test(path) || /[/\\]$/.test(path)) {
    throw new Error('must name a file: sqlite:<path>')
  }
  return { engine: 'sqlite', path: resolve(path.startsWith('//') ? path.slice(2) : path) }
}

/** Whether both are one store, whatever way their paths are spelt. */
export function sameLocation(a: StoreLocation, b: StoreLocation): boolean {
  if (a.engine === 'memory' || b.engine === 'memory') return a.engine === b.engine
  if (realPath(a.path) === realPath(b.path)) return true
  const [fileA, fileB] = [fileIdentity(a.path), fileIdentity(b.path)]
  return fileA !== null && fileA === fileB
}

/** The path with links followed as far as it exists. */
export function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(realPath(parent), basename(path))
  }
}

function fileIdentity(path: string): string | null {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: true })
  return stats === undefined ? null : `${stats.dev}:${stats.ino}`
}
