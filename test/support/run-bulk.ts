import { PassThrough, type Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { eraseCommand } from '../../src/bulk/erase.ts'
import { exportCommand } from '../../src/bulk/export.ts'
import type { TableOptions } from '../../src/bulk/files/columns.ts'
import { importCommand } from '../../src/bulk/import.ts'
import { type Command, runCommand } from '../../src/cli/run-command.ts'
import { type Running, start } from './command.ts'

/** How a table is read without options. */
export const plainTable: TableOptions = { decimal: '.', map: new Map(), ignoreUnknown: false, fillDown: false }

/** Starts an import into the service at `url`, in a process of its own. */
export const startImport = (
  t: Test,
  url: string,
  args: string[],
  environment = {},
  input?: string | Readable,
): Running => start(t, 'src/cli/import.ts', ['--url', url, ...args], environment, input)

/** Starts an export from the service at `url`, in a process of its own. */
export const startExport = (t: Test, url: string, args: string[]): Running =>
  start(t, 'src/cli/export.ts', ['--url', url, ...args])

/** What a command said, and its exit code. */
export interface Said {
  code: number
  stdout: string[]
  stderr: string[]
}

/** Runs an import to its end, in this process. */
export const runImport = (url: string, args: string[]): Promise<Said> => run(importCommand, ['--url', url, ...args])

/** Runs an export to its end, in this process. */
export const runExport = (url: string, args: string[]): Promise<Said> => run(exportCommand, ['--url', url, ...args])

/** Runs an erasure to its end, in this process. */
export const runErase = (url: string, args: string[]): Promise<Said> => run(eraseCommand, ['--url', url, ...args])

async function run(command: Command, args: string[]): Promise<Said> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const said = Promise.all([text(stdout), text(stderr)])
  const code = await runCommand(command, {
    args,
    env: {},
    stdout,
    stderr: stderr as unknown as NodeJS.WriteStream,
    stopOnSignals: () => new AbortController(),
  })
  stdout.end()
  stderr.end()
  const [out, err] = await said
  return { code, stdout: linesOf(out), stderr: linesOf(err) }
}

const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))
