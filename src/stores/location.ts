import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { readServerUrl } from './postgres/server-url.ts'
import { realPath } from './sqlite/durability/paths.ts'

/** Where a store keeps its data. */
export type StoreLocation =
  | { engine: 'memory' }
  | { engine: 'sqlite'; path: string }
  /** `place` is the URL without credentials. */
  | { engine: 'postgres'; url: string; place: string }

/** The accepted store URLs. */
export const STORE_URLS = 'sqlite:<path>, postgres://… or memory:'

/**
 * Reads a store URL: `memory:`, `postgres://…`, or `sqlite:<path>`, the path relative to the working directory.
 * @throws {Error} saying what is wrong with it
 */
export function parseLocation(url: string): StoreLocation {
  if (url === 'memory:') return { engine: 'memory' }
  if (/^postgres(ql)?:/i.test(url)) return { engine: 'postgres', url, place: readServerUrl(url).place }
  const path = /^sqlite:(.*)$/s.exec(url)?.[1]
  if (path === undefined) throw new Error(`must be ${STORE_URLS}`)
  if (path.includes('?')) throw new Error('must have no parameters: remove the ? and what follows')
  if (path === '' || path.startsWith(':') || /[#\0]/.test(path) || /[/\\]$/.test(path)) {
    throw new Error('must name a file: sqlite:<path>')
  }
  return { engine: 'sqlite', path: resolve(path.startsWith('//') ? path.slice(2) : path) }
}

/** @returns the location without credentials, for messages */
export function describeLocation(location: StoreLocation): string {
  if (location.engine === 'memory') return 'in memory'
  return location.engine === 'sqlite' ? location.path : location.place
}

/** Whether both are one store, even if their paths are spelled differently. */
export function sameLocation(a: StoreLocation, b: StoreLocation): boolean {
  if (a.engine === 'postgres' && b.engine === 'postgres') return a.place === b.place
  if (a.engine !== 'sqlite' || b.engine !== 'sqlite') return a.engine === b.engine
  if (realPath(a.path) === realPath(b.path)) return true
  const [fileA, fileB] = [fileIdentity(a.path), fileIdentity(b.path)]
  return fileA !== null && fileA === fileB
}

function fileIdentity(path: string): string | null {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: true })
  return stats === undefined ? null : `${stats.dev}:${stats.ino}`
}
