/** One row of a table: of a CSV file, or of a sheet. */
export interface TableRow {
  /** Its line in the file, or its number in the sheet, from 1. */
  line: number
  /** The text of each cell. Where there is a `problem` it is a guess, and empty when nothing can be read. */
  cells: string[]
  /** Why the row cannot be read as it is meant. */
  problem: string | null
  /** How many of the first cells are no guess, where there is a problem. */
  sureCells?: number
}

/** Reads a table from its beginning. */
export type ReadRows = () => AsyncIterable<TableRow[]>
