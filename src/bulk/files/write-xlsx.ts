import writeExcelFile from 'write-excel-file/node'
import { CannotGoOn } from '../patience.ts'
import { COLUMNS, type ExportedFormula, rowsOf } from './write.ts'

/** What a sheet can have, by the format. */
const MOST_ROWS = 1_048_576

/**
 * Makes a workbook of one sheet, one material a row. Every cell is text: as numbers, concentrations would be rounded, and
 * names could be calculations.
 * @throws {CannotGoOn} there are more rows than a sheet holds
 */
export async function workbookOf(pages: AsyncIterable<ExportedFormula[]>): Promise<Buffer> {
  const rows = [COLUMNS]
  for await (const page of pages) {
    rows.push(...page.flatMap(rowsOf))
    if (rows.length > MOST_ROWS) throw new CannotGoOn(`A sheet holds ${MOST_ROWS} rows, and there are more: export CSV`)
  }
  const cells = rows.map((row) => row.map((value) => ({ value, type: String })))
  return writeExcelFile(cells, { stickyRowsCount: 1, columns: COLUMNS.map(() => ({ width: 24 })) }).toBuffer()
}
