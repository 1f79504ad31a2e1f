import fc from 'fast-check'
import { test } from 'tap'
import { FORMATS, readerOf } from '../../src/bulk/files/formats.ts'
import type { Entry } from '../../src/bulk/files/row.ts'
import { contentOf, type ExportedFormula } from '../../src/bulk/files/write.ts'
import { plainTable } from '../support/run-bulk.ts'

/** Names of properties that any object has: the writer of workbooks looks texts up in one. */
const INHERITED = Object.getOwnPropertyNames(Object.prototype)

/** In a workbook `_x0041_` stands for A, and U+FFFD and noncharacters have to be written like that. */
const XML_PARTS = ['_', 'x', '_x0041', '_x005F_', '5f', '&lt;', '\ufffd', '\ufdd0', '\uffff', '\u{1fffe}', '\u{10ffff}']

/** Names as the service stores them: trimmed, without control characters. */
const name = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.stringMatching(/^["',;=|\\[\]{} \u00a0]{1,9}$/),
    fc.array(fc.constantFrom(...XML_PARTS), { minLength: 1, maxLength: 6 }).map((parts) => parts.join('')),
    fc.constantFrom(...INHERITED),
  )
  .map((text) =>
    text
      .toWellFormed()
      .replace(/\p{Cc}/gu, '-')
      .trim(),
  )
  .filter((text) => text !== '')

const material = fc.record({ name, concentration: fc.stringMatching(/^[1-9]\d{0,11}\.\d{0,11}[1-9]$/) })

const metadata = fc.dictionary(fc.stringMatching(/^[A-Za-z0-9_.-]{1,9}$/), name, { minKeys: 1, maxKeys: 3 })

const formulas: fc.Arbitrary<ExportedFormula[]> = fc
  .array(
    fc.record(
      { name, materials: fc.array(material, { minLength: 1, maxLength: 4 }), metadata },
      { requiredKeys: ['name', 'materials'] },
    ),
    { maxLength: 8 },
  )
  .map((some) =>
    some.map(({ name, materials, metadata }, index) => ({
      id: String(index).padStart(64, '0'),
      name,
      materials,
      createdAt: '2026-01-31T12:00:00.000Z',
      ...(metadata && { metadata }),
      submittedBy: 'lab',
      derivedFrom: 'f'.repeat(64),
    })),
  )

/** A formula of names that a workbook could lose, so that no run is without them. */
const hard: ExportedFormula = {
  id: '0'.repeat(64),
  name: 'Lot_x0041_',
  materials: [...INHERITED, ...XML_PARTS].map((name) => ({ name, concentration: '1.1' })),
  createdAt: '2026-01-31T12:00:00.000Z',
}

for (const format of FORMATS) {
  test(`${format}: whatever is exported is read again as it was, wherever chunks and pages are cut`, async (t) => {
    const property = fc.asyncProperty(formulas, fc.integer({ min: 1, max: 50 }), async (all, size) => {
      const middle = all.length >> 1
      const pages = [all.slice(0, middle), all.slice(middle)].filter((page) => page.length > 0)
      const style = { delimiter: ',', decimal: '.', bom: false, forSpreadsheets: false } as const
      const parts = await Array.fromAsync(contentOf(format, style, pages))
      const bytes = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
      async function* chunks() {
        for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
      }
      const entries: Entry[] = []
      for await (const some of readerOf(format, ',', plainTable)(chunks)) entries.push(...some)
      const read = entries.map((entry) => ('json' in entry ? JSON.parse(entry.json) : entry))
      const expected = all.map(({ name, materials, metadata }) => ({ name, materials, metadata }))
      return JSON.stringify(read) === JSON.stringify(expected)
    })
    await t.resolves(fc.assert(property, { numRuns: 80, examples: [[[hard], 50]] }))
  })
}
