import type { Test } from 'tap'
import type { TableOptions } from '../../src/bulk/files/columns.ts'
import { type Running, start } from './command.ts'
import type { Ended } from './service-process.ts'

/** How a table is read without options. */
export const plainTable: TableOptions = { decimal: '.', map: new Map(), ignoreUnknown: false, fillDown: false }

/** Starts an import into the service at `url`. */
export const startImport = (t: Test, url: string, args: string[], environment = {}, input?: string): Running =>
  start(t, 'src/cli/import.ts', ['--url', url, ...args], environment, input)

/** Starts an export from the service at `url`. */
export const startExport = (t: Test, url: string, args: string[]): Running =>
  start(t, 'src/cli/export.ts', ['--url', url, ...args])

/** Runs an import to its end. */
export const runImport = (...args: Parameters<typeof startImport>): Promise<Ended> => startImport(...args).ended

/** Runs an export to its end. */
export const runExport = (...args: Parameters<typeof startExport>): Promise<Ended> => startExport(...args).ended
