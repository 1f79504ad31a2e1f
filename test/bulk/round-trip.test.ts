import fc from 'fast-check'
import { test } from 'tap'
import { FORMATS, readerOf } from '../../src/bulk/files/formats.ts'
import type { Entry } from '../../src/bulk/files/row.ts'
import { contentOf, type ExportedFormula } from '../../src/bulk/files/write.ts'
import { plainTable } from '../support/run-bulk.ts'

/** Names as the service stores them: trimmed, without control characters. */
const name = fc
  .oneof(fc.string({ unit: 'binary', minLength: 1 }), fc.stringMatching(/^["',;=|\\[\]{} \u00a0]{1,9}$/))
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

for (const format of FORMATS) {
  if (format === 'xlsx') continue
  test(`${format}: whatever is exported is read again as it was, wherever chunks and pages are cut`, async (t) => {
    const property = fc.asyncProperty(formulas, fc.integer({ min: 1, max: 50 }), async (all, size) => {
      const middle = all.length >> 1
      const pages = [all.slice(0, middle), all.slice(middle)].filter((page) => page.length > 0)
      const style = { delimiter: ',', decimal: '.', bom: false, forSpreadsheets: false } as const
      const bytes = Buffer.from((await Array.fromAsync(contentOf(format, style, pages))).join(''))
      async function* chunks() {
        for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
      }
      const entries: Entry[] = []
      for await (const some of readerOf(format, ',', plainTable)(chunks)) entries.push(...some)
      const read = entries.map((entry) => ('json' in entry ? JSON.parse(entry.json) : entry))
      const expected = all.map(({ name, materials, metadata }) => ({ name, materials, metadata }))
      return JSON.stringify(read) === JSON.stringify(expected)
    })
    await t.resolves(fc.assert(property, { numRuns: 80 }))
  })
}
