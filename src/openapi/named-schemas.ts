import { isDeepStrictEqual } from 'node:util'

/** Takes schemas with an `$id` out of those they stand in: in the document they are components, and told once. */
export class NamedSchemas {
  /** Those that were met, by their `$id`. */
  readonly found: Record<string, object> = {}

  /** @returns the schema, or a reference where it has a name, with references in the place of all that have one in it */
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
