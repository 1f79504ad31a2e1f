import { type CellValue, readSheet } from 'read-excel-file/node'
import { UnreadableFile } from './row.ts'
import type { TableRow } from './table-row.ts'

/** A workbook is unpacked in memory, where it takes many times as much. */
const LARGEST_BYTES = 32 * 1024 * 1024

/**
 * Reads the rows of the first sheet of an .xlsx workbook. A number is the text that stands in the file, with each digit.
 * @param decimal what stands for the point in concentrations that are text: numbers are written alike
 * @throws {UnreadableFile} when it is no workbook, or too large a one
 */
export async function sheetRows(chunks: AsyncIterable<Buffer>, decimal: string): Promise<TableRow[]> {
  const file = await whole(chunks)
  try {
    const rows = await readSheet(file, { trim: false, parseNumber: (text) => text.replace('.', decimal) })
    return rows.map((cells, index) => ({ line: index + 1, cells: cells.map(textOf), problem: null }))
  } catch (error) {
    throw new UnreadableFile('The file is no .xlsx workbook that can be read', { cause: error })
  }
}

async function whole(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = []
  let length = 0
  for await (const chunk of chunks) {
    length += chunk.length
    if (length > LARGEST_BYTES) throw new UnreadableFile('The workbook has more than 32 MiB: save it as CSV')
    parts.push(chunk)
  }
  return Buffer.concat(parts)
}

const textOf = (value: CellValue | null): string =>
  value instanceof Date ? value.toISOString() : value === null ? '' : String(value)
