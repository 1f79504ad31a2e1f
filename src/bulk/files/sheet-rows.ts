import { buffer } from 'node:stream/consumers'
import { type CellValue, readSheet } from 'read-excel-file/node'
import { type TableRow, UnreadableFile } from './row.ts'

/** A workbook is unpacked in memory, where it takes many times its size. */
const MAX_BYTES = 32 * 1024 * 1024

/**
 * Reads the rows of the first sheet of an .xlsx workbook. Numbers keep the digits that stand in the file.
 * @param decimal the decimal character of concentrations that are text; numbers are written with it too
 * @throws {UnreadableFile} when it is not a workbook, or too large
 */
export async function sheetRows(chunks: AsyncIterable<Buffer>, decimal: string): Promise<TableRow[]> {
  const file = await buffer(limited(chunks))
  try {
    const rows = await readSheet(file, { trim: false, parseNumber: (text) => text.replace('.', decimal) })
    return rows.map((cells, index) => ({ line: index + 1, cells: cells.map(textOf), problem: null }))
  } catch (error) {
    throw new UnreadableFile('The file is not a readable .xlsx workbook', { cause: error })
  }
}

async function* limited(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let length = 0
  for await (const chunk of chunks) {
    length += chunk.length
    if (length > MAX_BYTES) throw new UnreadableFile('The workbook has more than 32 MiB: save it as CSV')
    yield chunk
  }
}

const textOf = (value: CellValue | null): string => (value instanceof Date ? value.toISOString() : String(value ?? ''))
