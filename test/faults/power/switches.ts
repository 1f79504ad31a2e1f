import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import type { Test } from 'tap'

/** What the disk does; record-writes.c explains the letters. */
export interface DiskFault {
  writes?: 'N' | 'I' | 'R' | 'S' | 'H'
  syncs?: 'I' | '1' | 'W'
  /** Only files whose path ends so. */
  path?: string
}

const BYTES = 128

/** The switches of a recorded process: what its disk fails to do from now on. */
export class Switches {
  readonly #file: number

  /** @param path of the file that is given to the process as FAULT_CONTROL */
  constructor(t: Test, path: string) {
    this.#file = openSync(path, 'w+')
    t.teardown(() => closeSync(this.#file))
    this.mend()
  }

  set({ writes, syncs, path = '' }: DiskFault): void {
    const bytes = Buffer.alloc(BYTES)
    bytes.write(path, 4)
    // The place is told before the fault begins.
    writeSync(this.#file, bytes, 0, BYTES, 0)
    writeSync(this.#file, `${writes ?? '\0'}${syncs ?? '\0'}`, 0)
  }

  mend(): void {
    writeSync(this.#file, Buffer.alloc(BYTES), 0, BYTES, 0)
  }

  /** How many calls have failed since the fault was set; 255 stands for more as well. */
  get hits(): number {
    const bytes = Buffer.alloc(BYTES)
    readSync(this.#file, bytes, 0, BYTES, 0)
    return bytes.readUInt8(2)
  }
}
