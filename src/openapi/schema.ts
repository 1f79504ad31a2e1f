import { isDeepStrictEqual } from 'node:util'

type Schema = Record<string, unknown>

/** Moves schemas with an `$id` to the document's components and leaves references in their place. */
export class NamedSchemas {
  /** The schemas found so far, by their `$id`. */
  readonly found: Record<string, object> = {}

  /** @returns the schema with all named schemas in it, or itself, replaced by references */
  refer(schema: unknown): unknown {
    if (Array.isArray(schema)) return schema.map((part) => this.refer(part))
    if (typeof schema !== 'object' || schema === null) return schema
    const { $id, ...rest } = schema as { $id?: string }
    const referring = Object.fromEntries(Object.entries(rest).map(([key, part]) => [key, this.refer(part)]))
    return $id === undefined ? referring : this.#name($id, referring)
  }

  #name(id: string, schema: object): { $ref: string } {
    this.found[id] ??= schema
    if (!isDeepStrictEqual(this.found[id], schema)) throw new Error(`Two schemas have the $id ${id}`)
    return { $ref: `#/components/schemas/${id}` }
  }
}

/** Replaces TypeBox's `anyOf` by the usual forms of enums and nullable types. */
export function plainSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainSchema)
  if (typeof value !== 'object' || value === null) return value
  const { anyOf, ...rest } = Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, isValue(key) ? part : plainSchema(part)]),
  ) as Schema & { anyOf?: Schema[] }
  return anyOf === undefined ? rest : (toEnum(anyOf, rest) ?? toNullable(anyOf, rest) ?? { anyOf, ...rest })
}

/** Keywords that hold values, not schemas. */
const isValue = (key: string): boolean => ['examples', 'example', 'default', 'const', 'enum'].includes(key)

/** Constants of one type become an `enum`. */
function toEnum(anyOf: Schema[], rest: Schema): Schema | undefined {
  const [first] = anyOf
  const isEnum = anyOf.every((one) => 'const' in one && one.type === first?.type)
  return isEnum ? { type: first?.type, enum: anyOf.map((one) => one.const), ...rest } : undefined
}

/** A type or null becomes a schema with two types. */
function toNullable(anyOf: Schema[], rest: Schema): Schema | undefined {
  const [first, second] = anyOf
  if (anyOf.length !== 2 || typeof first?.type !== 'string' || second?.type !== 'null') return undefined
  return { ...first, ...rest, type: [first.type, 'null'] }
}
