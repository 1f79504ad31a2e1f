/** Why something in a file is not taken in. */
export interface Problem {
  /** Where in the formula it lies, as a JSON pointer; empty for the whole of it. */
  path: string
  code: string
  message: string
}

/** One formula of a file, as it will be sent. */
export interface Row {
  /** Where it begins, from 1. */
  line: number
  /** JSON, with every digit as it stands in the file. */
  json: string
  /** Where each material stands, in a file that gives it a line of its own. */
  materialLines?: number[]
  /** What should be looked at, although it is taken in. */
  warnings?: { line: number; message: string }[]
}

/** A place in a file that holds no formula one could send. */
export interface Unreadable {
  line: number
  problem: Problem
  /** Whether nothing below it could be read. */
  isEnd?: true
}

export type Entry = Row | Unreadable

/**
 * Reads the formulas of a file; what a chunk completes comes together.
 * @param read reads the file from its beginning, in UTF-8
 */
export type ReadFile = (read: () => AsyncIterable<Buffer>) => AsyncIterable<Entry[]>

/** The whole file is not what it was said to be. */
export class UnreadableFile extends Error {}

/** An entry for what cannot be read as a formula. */
export function unreadable(line: number, message: string): Unreadable {
  return { line, problem: { path: '', code: 'UNREADABLE', message } }
}
