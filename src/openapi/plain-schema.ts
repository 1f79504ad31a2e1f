type Schema = Record<string, unknown>

/**
 * A schema as people write it: TypeBox spells choices and what may be null as `anyOf`. Examples and defaults are values,
 * not schemas, and stay as they are.
 */
export function plainSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainSchema)
  if (typeof value !== 'object' || value === null) return value
  const { anyOf, ...rest } = Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, isValue(key) ? part : plainSchema(part)]),
  ) as Schema & { anyOf?: Schema[] }
  return anyOf === undefined ? rest : (choice(anyOf, rest) ?? nullable(anyOf, rest) ?? { anyOf, ...rest })
}

const isValue = (key: string): boolean => ['examples', 'example', 'default', 'const', 'enum'].includes(key)

/** Several constants of one type are an `enum`. */
function choice(anyOf: Schema[], rest: Schema): Schema | undefined {
  const [first] = anyOf
  const isChoice = anyOf.every((one) => 'const' in one && one.type === first?.type)
  return isChoice ? { type: first?.type, enum: anyOf.map((one) => one.const), ...rest } : undefined
}

/** A type or null is a type of two names. */
function nullable(anyOf: Schema[], rest: Schema): Schema | undefined {
  const [first, second] = anyOf
  if (anyOf.length !== 2 || typeof first?.type !== 'string' || second?.type !== 'null') return undefined
  return { ...first, ...rest, type: [first.type, 'null'] }
}
