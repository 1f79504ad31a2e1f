import { closeSync, fsyncSync, openSync, statSync } from 'node:fs'

/*
 * The only file of the engine that opens files by itself, because of how POSIX locks work: when a process closes any
 * descriptor of a file, it loses all its locks on that file. SQLite takes care of that among its own connections. It locks
 * a database file once, when it opens it, so a lock lost is not taken again. Then a second process could write to the file
 * under another name, and a program that only reads it could delete its log.
 */

/** The database files that this thread has opened, by device and inode. */
const databases = new Map<string, number>()

/**
 * Opens a database file for reading, once, and never closes it, since another thread may have a connection to it.
 * @returns its descriptor
 */
export function openDatabase(path: string): number {
  const { dev, ino } = statSync(path)
  const file = `${dev}:${ino}`
  const descriptor = databases.get(file) ?? openSync(path, 'r')
  databases.set(file, descriptor)
  return descriptor
}

/** Syncs the content of a database file to disk; connections may be open. */
export const syncDatabase = (path: string): void => fsyncSync(openDatabase(path))

/** Calls `use` with the descriptor of a file or folder that SQLite does not lock: not of a database, nor of its `-shm`. */
export function withUnlocked<T>(path: string, use: (descriptor: number) => T): T {
  const descriptor = openSync(path, 'r')
  try {
    return use(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Syncs a file's content, or a folder's entries, to disk. The file must not be a database with open connections. */
export const sync = (path: string): void => withUnlocked(path, fsyncSync)
