/** What the client package needs of a JSON schema. */
interface Schema {
  $ref?: string
  type?: string | string[]
  enum?: string[]
  const?: string | boolean
  anyOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  required?: string[]
  description?: string
}

/** What the client sends and receives; the schemas that these name come along. */
const SENT_AND_RECEIVED = [
  'SubmitBody',
  'DeriveBody',
  'SubmitAnswer',
  'SubmissionState',
  'FormulaPage',
  'ReceivedEvents',
  'Acked',
  'ErrorAnswer',
]

const SIMPLE: Record<string, string> = { string: 'string', integer: 'number', number: 'number', null: 'null' }

/** Writes `client/src/api.ts`. (openapi-typescript needs the API of TypeScript 5.) */
export function clientTypes(schemas: Record<string, Schema>): string {
  const names = new Set(SENT_AND_RECEIVED)
  const typeOf = ({ $ref, anyOf, items, patternProperties, type, ...schema }: Schema): string => {
    if ($ref !== undefined) {
      const name = $ref.slice($ref.lastIndexOf('/') + 1)
      names.add(name)
      return name
    }
    const one = (name: string): string => SIMPLE[name] ?? fail(name)
    if (anyOf) return anyOf.map(typeOf).join(' | ')
    if (items) return `${typeOf(items).replace(/.* \| .*/, '($&)')}[]`
    if (patternProperties) return `Record<string, ${Object.values(patternProperties).map(typeOf).join(' | ')}>`
    const values = schema.enum ?? (schema.const === undefined ? undefined : [schema.const])
    return (
      values?.map((value) => (value === true ? 'true' : `'${value}'`)).join(' | ') ??
      [type ?? 'unknown'].flat().map(one).join(' | ')
    )
  }
  const declaration = (name: string): string => {
    const schema = schemas[name] ?? fail(name)
    if (schema.properties === undefined) return aliasOf(name, typeOf(schema))
    const fields = Object.entries(schema.properties).map(([key, field]) => {
      const optional = schema.required?.includes(key) ? '' : '?'
      return `${comment(field, '  ')}  ${key}${optional}: ${typeOf(field)}\n`
    })
    return `export interface ${name} {\n${fields.join('')}}\n`
  }
  let text = '// Written by `npm run openapi` from docs/openapi.json.\n'
  // The set grows with what each declaration names.
  for (const name of names) text += `\n${comment(schemas[name])}${declaration(name)}`
  return text
}

const comment = (schema: Schema | undefined, indent = ''): string =>
  schema?.description === undefined ? '' : `${indent}/** ${schema.description} */\n`

/** As the formatter would write it: a union that is too long for a line has a line for each member. */
function aliasOf(name: string, type: string): string {
  const line = `export type ${name} = ${type}\n`
  return line.length <= 121 ? line : `export type ${name} =\n  | ${type.replaceAll(' | ', '\n  | ')}\n`
}

function fail(name: string): never {
  throw new Error(`No type is known for ${name}`)
}
