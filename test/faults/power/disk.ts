import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DiskFile } from './disk-file.ts'
import type { JournalRecord } from './journal.ts'
import type { Luck, Mood } from './pages.ts'

/** A folder's entry: a file, or a folder of its own. */
type Entry = DiskFile | 'folder'

interface NameChange {
  position: number
  path: string
  /** Null where the name was removed. */
  entry: Entry | null
}

/** The wal-index is shared memory: nobody syncs it and SQLite makes it anew after a crash. */
const isVolatile = (path: string): boolean => path.endsWith('-shm')

/**
 * What a folder's files are on a disk whose power may fail at any moment: a journalled file system in ordered mode, such
 * as ext4 with barriers, under a system that keeps what was written in pages of 4096 bytes and writes them back when it
 * likes and in any order.
 *
 * - What was done to a file before a sync of it began is on disk once the sync has returned with success.
 * - Of a page changed since then, the disk holds any of its states since, or a mixture: it writes sectors of 512 bytes
 *   whole, and pages not. A page of a part that is new may be missing: it reads as zeros.
 * - A file is as long as its last page that got there makes it. Truncations take effect in their order; what was written
 *   into a part that a lost truncation had freed is lost with it.
 * - A sync that failed leaves the pages it was to write in doubt, and a later one does not make up for it: the system
 *   takes them for written until they are changed again.
 * - A name that was made or removed is so for certain when its folder has been synced. Before that the changes of one
 *   folder take effect in their order, up to any of them.
 *
 * Not modelled, because no disk does so that keeps its word: a sync that returns early, and a sector half written.
 */
export class Disk {
  /** What the process sees by each path, and what is on disk for certain. */
  readonly #names = new Map<string, Entry>()
  readonly #durable = new Map<string, Entry>()
  #changes: NameChange[] = []
  /** What each open file of the process is: a file, or the path of a folder. */
  readonly #open = new Map<number, DiskFile | string>()

  /** @param folder whose files are all on disk to begin with */
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
   * Takes what files hold of which the process that wrote them has been killed: only what is not synced is in doubt.
   * @param seen by path
   */
  killed(position: number, seen: Map<string, Buffer>): void {
    this.#open.clear()
    for (const [path, content] of seen) {
      const entry = this.#names.get(path)
      if (entry instanceof DiskFile) entry.isSeenAs(position, content)
    }
  }

  /** Writes to `target` what a power cut at this moment leaves. */
  cut(target: string, luck: Luck, mood: Mood): void {
    const names = new Map(this.#durable)
    for (const folder of new Set(this.#changes.map(({ path }) => dirname(path)))) {
      const changes = this.#changes.filter(({ path }) => dirname(path) === folder)
      const kept = mood === 'everything' ? changes.length : mood === 'nothing' ? 0 : luck.integer(0, changes.length)
      for (const { path, entry } of changes.slice(0, kept)) setOrDelete(names, path, entry)
    }
    mkdirSync(target, { recursive: true })
    for (const path of [...names.keys()].sort()) {
      const entry = names.get(path)
      if (!isReachable(names, path)) continue
      if (entry instanceof DiskFile) writeFileSync(join(target, path), entry.cut(luck, mood))
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

/** Whether the folders it lies in are there too. */
function isReachable(names: Map<string, Entry>, path: string): boolean {
  const folder = dirname(path)
  return folder === '.' || (names.get(folder) === 'folder' && isReachable(names, folder))
}
