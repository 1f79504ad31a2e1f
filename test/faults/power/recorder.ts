import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { inherited } from '../../support/inherited.ts'

const SOURCE = new URL('record-writes.c', import.meta.url).pathname
const SERVER = new URL('../../../src/server.ts', import.meta.url).pathname

/** Compiles what records. @returns the library, or why there is none */
export function buildRecorder(folder: string): string {
  if (process.platform !== 'linux') throw new Error('Writes are recorded on Linux only')
  const library = join(folder, 'record-writes.so')
  const { error, status, stderr } = spawnSync('cc', ['-O1', '-shared', '-fPIC', '-o', library, SOURCE, '-ldl'])
  if (error !== undefined) throw new Error(`This test needs a C compiler: ${error.message}`)
  if (status !== 0) throw new Error(`The recorder does not compile here: ${stderr}`)
  return library
}

interface RecordingOptions {
  library: string
  /** The folder whose files are recorded; its real path. */
  folder: string
  journal: string
  env: Record<string, string>
  /** The service to run; this one's when not given. */
  server?: string
}

/** A server process that is being recorded. */
export interface RecordedService {
  url: string
  pid: number
  /** Everything it has logged. */
  log: string[]
  /** Whether it has ended. */
  ended: () => boolean
  end(signal: NodeJS.Signals): Promise<void>
}

/** Starts a server process and waits until it listens. */
export async function startRecorded(t: Test, options: RecordingOptions): Promise<RecordedService> {
  const { child, log } = launch(options)
  const closed = once(child, 'close')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await closed
  })
  const url = await new Promise<string>((resolve, reject) => {
    const look = (): void => {
      const found = log.map((line) => /listening at (http:\S+?);/.exec(line)?.[1]).find(Boolean)
      if (found !== undefined) resolve(found)
    }
    child.stdout?.on('data', () => setImmediate(look))
    closed.then(() => reject(new Error(`It did not start: ${log.join('\n')}`)))
  })
  return {
    url,
    pid: child.pid as number,
    log,
    ended: () => child.exitCode !== null || child.signalCode !== null,
    async end(signal) {
      child.kill(signal)
      await closed
    },
  }
}

function launch({ library, folder, journal, env, server = SERVER }: RecordingOptions) {
  const recording = { LD_PRELOAD: library, RECORD_FOLDER: folder, RECORD_JOURNAL: journal }
  const child: ChildProcess = spawn(process.execPath, [server], {
    cwd: folder,
    env: { ...inherited(), PORT: '0', ...recording, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface(stream).on('line', (line) => log.push(line))
  }
  return { child, log }
}
