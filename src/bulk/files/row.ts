/** Why something in a file is refused, in the form of the service's `details`. */
export interface Problem {
  /** JSON pointer into the formula; empty for the whole formula. */
  path: string
  code: string
  message: string
  /** The line of the material, where that is known. */
  line?: number
}

/** One formula of a file, as it will be sent. */
export interface Row {
  /** The line it begins on, from 1. */
  line: number
  /** JSON with exactly the digits of the file. */
  json: string
  /** The line of each material, in a file with one material per row. */
  materialLines?: number[]
  warnings?: { line: number; message: string }[]
}

/** A place in a file that cannot be read as a formula. */
interface Unreadable {
  line: number
  problem: Problem
  /** Whether nothing below it could be read. */
  isEnd?: true
}

export type Entry = Row | Unreadable

/** One row of a CSV file or a sheet. */
export interface TableRow {
  /** Its line in the file, or its number in the sheet, from 1. */
  line: number
  /** A guess where there is a `problem`; empty when nothing can be read. */
  cells: string[]
  /** Why the row cannot be read as intended. */
  problem: string | null
  /** How many of the first cells are certain although there is a problem. */
  certainCells?: number
}

/**
 * Reads the formulas of a file; yields the entries that each chunk completes.
 * @param read reads the file from its beginning, in UTF-8
 */
export type ReadFile = (read: () => AsyncIterable<Buffer>) => AsyncIterable<Entry[]>

/** The file cannot be read, or not in the given format and encoding. */
export class UnreadableFile extends Error {}

export function unreadable(line: number, message: string): Unreadable {
  return { line, problem: { path: '', code: 'UNREADABLE', message } }
}
