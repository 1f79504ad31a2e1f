import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A file on disk, as `reply.sendFile` takes it. */
export interface ConsoleFile {
  root: string
  path: string
}

const FOLDER = join(import.meta.dirname, '../../console')

/** Files from packages, by the names the page uses. Each is a single file without imports. */
const VENDOR = {
  'vendor/htm-preact.js': 'htm/preact/standalone',
  'vendor/uplot.js': 'uplot/dist/uPlot.iife.min.js',
}

/** All files served under /console/, by their names. No other file can be requested. */
export function consoleFiles(): ReadonlyMap<string, ConsoleFile> {
  const own = globSync('**/*.{html,css,js,svg}', { cwd: FOLDER }).map((path): [string, ConsoleFile] => [
    path,
    { root: FOLDER, path },
  ])
  const vendor = Object.entries(VENDOR).map(([name, specifier]): [string, ConsoleFile] => {
    const file = fileURLToPath(import.meta.resolve(specifier))
    return [name, { root: dirname(file), path: file.slice(dirname(file).length + 1) }]
  })
  return new Map([...own, ...vendor])
}
