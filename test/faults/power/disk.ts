import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Chance } from '../extent.ts'
import { DiskFile, type Leftover } from './disk-file.ts'
import type { JournalRecord } from './journal.ts'

type Entry = DiskFile | 'folder'

interface NameChange {
  position: number
  path: string
  /** Null: the name was removed. */
  entry: Entry | null
}

/** The wal-index is shared memory: SQLite never syncs it, and rebuilds it after a crash. */
const isVolatile = (path: string): boolean => path.endsWith('-shm')

/**
 * A model of the files in a folder on a disk whose power may fail at any moment: a journalled file system in ordered mode,
 * such as ext4 with barriers, below a page cache of 4096-byte pages that is written back at any time and in any order.
 *
 * - Changes to a file before a sync began are durable once that sync has succeeded.
 * - Of a page changed since then, the disk holds any of its states since, or a mixture: sectors of 512 bytes are atomic,
 *   pages are not. A new page may be missing: it reads as zeros.
 * - The last page on disk determines the size of a file. Truncations take effect in order; a lost truncation also loses
 *   later writes to the range that it had freed.
 * - A failed sync leaves its pages in doubt, and a later sync does not repair them: the system considers them clean until
 *   they are changed again.
 * - A created or removed name is durable once its folder has been synced. Before that, any prefix of the changes to a
 *   folder may have taken effect.
 *
 * Not modelled: syncs that return early, and torn sectors. No honest disk does either.
 */
export class Disk {
  /** Entries by path, as the process sees them, and as they are durable. */
  readonly #names = new Map<string, Entry>()
  readonly #durable = new Map<string, Entry>()
  #changes: NameChange[] = []
  /** The open files of the process, and its open folders by path. */
  readonly #open = new Map<number, DiskFile | string>()

  /** @param folder its files are durable */
  constructor(folder: string) {
    for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (isVolatile(path)) continue
      const isFolder = statSync(join(folder, path)).isDirectory()
      const entry = isFolder ? 'folder' : new DiskFile(readFileSync(join(folder, path)))
      this.#names.set(path, entry)
      this.#durable.set(path, entry)
    }
  }

  apply(record: JournalRecord): void {
    const { kind, position, at, data } = record
    const file = this.#open.get(record.file)
    if (kind === 'open') this.#opened(record)
    else if (kind === 'mkdir') this.#name(position, data.toString(), 'folder')
    else if (kind === 'unlink') this.#name(position, data.toString(), null)
    else if (kind === 'rename') throw new Error(`Renames are not modelled: ${data}`)
    else if (kind === 'sync' && typeof file === 'string') this.#folderSynced(file, at)
    else if (file instanceof DiskFile) {
      if (kind === 'write') file.write(position, at, data)
      else if (kind === 'truncate') file.truncate(position, at)
      else if (kind === 'sync') file.synced(at)
      else if (kind === 'sync failed') file.syncFailed(at)
    }
  }

  /**
   * Takes over the page cache after the process was killed.
   * @param seen contents by path
   */
  killed(position: number, seen: Map<string, Buffer>): void {
    this.#open.clear()
    for (const [path, content] of seen) {
      const entry = this.#names.get(path)
      if (entry instanceof DiskFile) entry.isSeenAs(position, content)
    }
  }

  /** Writes the files that a power cut at this moment leaves to `target`. */
  cut(target: string, luck: Chance, leftover: Leftover): void {
    const names = new Map(this.#durable)
    for (const folder of new Set(this.#changes.map(({ path }) => dirname(path)))) {
      const changes = this.#changes.filter(({ path }) => dirname(path) === folder)
      const kept =
        leftover === 'everything' ? changes.length : leftover === 'nothing' ? 0 : luck.integer(0, changes.length)
      for (const { path, entry } of changes.slice(0, kept)) setOrDelete(names, path, entry)
    }
    mkdirSync(target, { recursive: true })
    for (const path of [...names.keys()].sort()) {
      const entry = names.get(path)
      if (!isReachable(names, path)) continue
      if (entry instanceof DiskFile) writeFileSync(join(target, path), entry.cut(luck, leftover))
      else mkdirSync(join(target, path), { recursive: true })
    }
  }

  #opened({ position, file, at: isNew, data }: JournalRecord): void {
    const path = data.toString()
    if (isVolatile(path)) return
    if (isNew === 1) this.#name(position, path, new DiskFile())
    const entry = this.#names.get(path)
    this.#open.set(file, entry === 'folder' || entry === undefined ? path : entry)
  }

  #name(position: number, path: string, entry: Entry | null): void {
    if (isVolatile(path)) return
    setOrDelete(this.#names, path, entry)
    this.#changes.push({ position, path, entry })
  }

  #folderSynced(folder: string, begun: number): void {
    const isDone = ({ position, path }: NameChange): boolean =>
      position < begun && dirname(path) === (folder === '' ? '.' : folder)
    for (const { path, entry } of this.#changes.filter(isDone)) setOrDelete(this.#durable, path, entry)
    this.#changes = this.#changes.filter((change) => !isDone(change))
  }
}

function setOrDelete(names: Map<string, Entry>, path: string, entry: Entry | null): void {
  if (entry === null) names.delete(path)
  else names.set(path, entry)
}

/** Whether all its parent folders exist. */
function isReachable(names: Map<string, Entry>, path: string): boolean {
  const folder = dirname(path)
  return folder === '.' || (names.get(folder) === 'folder' && isReachable(names, folder))
}
