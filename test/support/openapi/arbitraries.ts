import fc, { type Arbitrary } from 'fast-check'
import type { Document, Schema } from './document.ts'

type Keywords = { [keyword: string]: unknown } & {
  $ref?: string
  anyOf?: Schema[]
  const?: unknown
  enum?: unknown[]
  examples?: unknown[]
  type?: string | string[]
  minimum?: number
  maximum?: number
  format?: string
  pattern?: string
  maxLength?: number
  items?: Schema
  minItems?: number
  maxItems?: number
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  required?: string[]
}

/** The maximum number of items above a list's minimum: other tests cover long lists. */
const MORE_ITEMS = 4

/** Values that a schema of the document allows. */
export function valuesOf(document: Document, schema: Schema): Arbitrary<unknown> {
  const keywords = schema as Keywords
  const { $ref, anyOf, type, examples = [] } = keywords
  if ($ref !== undefined) return valuesOf(document, document.at($ref) as Schema)
  if (anyOf !== undefined) return fc.oneof(...anyOf.map((one) => valuesOf(document, one)))
  if (keywords.const !== undefined) return fc.constant(keywords.const)
  if (keywords.enum !== undefined) return fc.constantFrom(...keywords.enum)
  const made = valuesOfType(document, String(type), keywords)
  return examples.length === 0 ? made : fc.oneof(fc.constantFrom(...examples), { arbitrary: made, weight: 2 })
}

function valuesOfType(document: Document, type: string, keywords: Keywords): Arbitrary<unknown> {
  const { minimum = 0, maximum = 1e12, items = {}, minItems = 0, maxItems = 1e3, properties = {} } = keywords
  switch (type) {
    case 'string':
      return texts(keywords)
    case 'integer':
      return fc.integer({ min: minimum, max: maximum })
    case 'number':
      return fc.oneof(fc.integer({ min: 1, max: 1e6 }), fc.double({ min: 1e-12, max: maximum, noNaN: true }))
    case 'array': {
      const maxLength = Math.min(maxItems, minItems + MORE_ITEMS)
      return fc.array(valuesOf(document, items), { minLength: minItems, maxLength })
    }
    case 'object': {
      const [byPattern] = Object.entries(keywords.patternProperties ?? {})
      if (byPattern !== undefined) {
        const [pattern, value] = byPattern
        return fc.dictionary(matching(new RegExp(pattern, 'u')), valuesOf(document, value), { maxKeys: MORE_ITEMS })
      }
      const fields = Object.entries(properties).map(([name, field]) => [name, valuesOf(document, field)] as const)
      return fc.record(Object.fromEntries(fields), { requiredKeys: keywords.required ?? [] })
    }
    default:
      throw new Error(`No values are known for ${JSON.stringify(keywords)}`)
  }
}

const times = fc
  .date({ min: new Date('1970-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true })
  .map((time) => time.toISOString())

function texts({ format, pattern, minLength = 0, maxLength = 100 }: Keywords): Arbitrary<string> {
  if (format === 'date-time') return times
  if (pattern !== undefined) return matching(new RegExp(pattern, 'u'))
  const least = Number(minLength)
  return fc.oneof(
    fc.string({ unit: 'binary', minLength: least, maxLength: 20 }),
    fc.string({ unit: 'grapheme-ascii', minLength: least, maxLength, size: 'max' }),
  )
}

/** Texts that match. fast-check cannot generate from a negative lookahead, `(?!…)`: it is removed, and applied as a filter. */
function matching(pattern: RegExp): Arbitrary<string> {
  const made = new RegExp(pattern.source.replaceAll(/\(\?![^)]*\)/g, ''), pattern.flags)
  return fc.stringMatching(made).filter((text) => pattern.test(text))
}
