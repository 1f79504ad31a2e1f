import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Server } from './server.ts'

const SIZE = '12m'
const MOUNT = `mount -t tmpfs -o size=${SIZE} tmpfs "$0" && exec "$@"`
const BLOCKS = [65_536, 4_096, 512, 1]

/** A command that gives the process it ends as a small disk at a folder, which nobody else sees. */
export const withSmallDisk = (folder: string): string[] => [
  ...['unshare', '--map-root-user', '--mount', 'sh', '-c', MOUNT, folder],
]

/** Why there can be no small disk here; false when there can. */
export function noSmallDisk(): string | false {
  const folder = join(tmpdir(), `small-disk-${process.pid}`)
  mkdirSync(folder)
  const [command = '', ...words] = [...withSmallDisk(folder), 'true']
  const { status, stderr } = spawnSync(command, words, { encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  return status === 0 ? false : `no file system can be mounted here: ${stderr}`
}

/** A file that takes all that is left on the disk of a server. */
export class Filler {
  readonly #path: string
  #file: number | undefined

  constructor({ pid }: Server, folder: string) {
    this.#path = `/proc/${pid}/root${folder}/filler`
  }

  fill(): void {
    this.#file ??= openSync(this.#path, 'w')
    for (const size of BLOCKS) {
      try {
        for (;;) writeSync(this.#file, Buffer.alloc(size, 1))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    }
  }

  remove(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
    rmSync(this.#path)
  }
}
