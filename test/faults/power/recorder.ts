import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Server, startServer } from '../server.ts'

const SOURCE = new URL('record-writes.c', import.meta.url).pathname

/** Compiles the recorder. @returns the path of the library */
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
  /** The real path of the folder whose files are recorded. */
  folder: string
  journal: string
  env: Record<string, string>
  /** The server to run; src/server.ts by default. */
  server?: string
}

/** Starts a server whose writes are recorded, and waits until it listens. */
export function startRecorded(t: Test, { library, folder, journal, env, server }: RecordingOptions): Promise<Server> {
  const recording = { LD_PRELOAD: library, RECORD_FOLDER: folder, RECORD_JOURNAL: journal }
  return startServer(t, { environment: { ...recording, ...env }, ...(server && { server }) })
}
