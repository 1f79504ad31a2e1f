import { buildApp } from '../../../src/app.ts'
import { readConfig } from '../../../src/config/config.ts'

interface Material {
  name: string
  concentration: string
}

/** A formula as it is sent, and as the service has to store it. */
export interface Spelt {
  /** Formulas with the same number have the same composition. */
  composition: number
  /** A concentration that begins with `#` is sent as a JSON number with exactly these digits. */
  sent: { name: string; materials: Material[]; metadata?: Metadata | undefined }
  name: string
  materials: Material[]
  metadata?: Metadata
}

type Metadata = Record<string, string>

export const COMPOSITIONS = 120
/** Spellings of each composition. */
export const SPELLINGS = 5

/** Two of these names share a prefix except for its case; two are the same, but for their metadata. */
const NAMES: readonly (readonly [sent: string, stored: string, sentMetadata?: Metadata, storedMetadata?: Metadata])[] =
  [
    ['Rose Garden', 'Rose Garden'],
    ['  rose water ', 'rose water', {}],
    ['Tulip', 'Tulip'],
    ['Tulip', 'Tulip', { trial: '7', CAS: '"78-70-6"' }, { CAS: '"78-70-6"', trial: '7' }],
    ['\u00a0Iso E\u3000', 'Iso E'],
  ]
export const FORMULA_NAMES = NAMES.length
export const PREFIXES = ['rose', 'ROSE G', 'Iso', 'T', 'nothing', '']

/** Ignores case. */
export const beginsWith = (name: string, prefix: string): boolean => name.toLowerCase().startsWith(prefix.toLowerCase())

type Writing = readonly [sent: Material, stored: Material]

function writing(name: string, concentration: string, spelling: number): Writing {
  const as = (sentName: string, sentConcentration: string): Writing => [
    { name: sentName, concentration: sentConcentration },
    { name: sentName.trim(), concentration },
  ]
  switch (spelling) {
    case 1:
      return as(` ${name.toUpperCase()} `, `0${concentration}00`)
    case 2:
      return as(name, `#${concentration}`)
    case 3:
      return as(
        name.replace(/[a-z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0)),
        concentration,
      )
    case 4:
      return as(`\t${name}`, `#${concentration}0e0`)
    default:
      return as(name, concentration)
  }
}

/**
 * A formula of the pool.
 * @param composition below COMPOSITIONS
 * @param spelling below SPELLINGS
 * @param name below FORMULA_NAMES
 */
export function spell(composition: number, spelling: number, name: number): Spelt {
  const materials = [writing('Linalool', `${composition}.5`, spelling)]
  if (composition % 2 === 1) materials.push(writing('iso e', `${(composition % 7) + 1}.25`, spelling))
  if (spelling % 2 === 1) materials.reverse()
  const [sentName, storedName, sentMetadata, metadata] = NAMES[name] as (typeof NAMES)[number]
  return {
    composition,
    sent: { name: sentName, materials: materials.map(([sent]) => sent), metadata: sentMetadata },
    name: storedName,
    materials: materials.map(([, stored]) => stored),
    ...(metadata && { metadata }),
  }
}

/** The body of a submission. */
export function bodyOf(formulas: Spelt[], single: boolean): string {
  const list = formulas.map(({ sent }) => sent)
  return JSON.stringify(single ? list[0] : list).replace(/"#([^"]*)"/g, '$1')
}

/** Gets the id of every composition, in order, from a service: the model does not know how ids are computed. */
export async function askIds(): Promise<string[]> {
  const app = buildApp(readConfig({ DATABASE_URL: 'memory:' }))
  const all = Array.from({ length: COMPOSITIONS }, (_, composition) => spell(composition, 0, 0))
  const headers = { 'idempotency-key': 'ids', 'content-type': 'application/json' }
  const answer = await app.inject({ method: 'POST', url: '/formulas', headers, payload: bodyOf(all, false) })
  await app.close()
  return answer.json().formulas.map(({ id }: { id: string }) => id)
}

/** An invalid body, and its problems; the first one is the answer's code. */
export interface Invalid {
  body: string
  problems: [path: string, code: string][]
}

const good = bodyOf([spell(0, 0, 0)], true)

export const INVALID: readonly Invalid[] = [
  { body: '{}', problems: [['', 'INVALID_JSON']] },
  { body: '[]', problems: [['', 'INVALID_JSON']] },
  { body: '{"name":"Rose"}', problems: [['/materials', 'FORMULA_MATERIALS_MISSING']] },
  {
    body: `[${good},{"name":5,"materials":[{"name":"a","concentration":"1,5"}]}]`,
    problems: [
      ['/1/name', 'FORMULA_NAME_NOT_STRING'],
      ['/1/materials/0/concentration', 'MATERIAL_CONCENTRATION_NOT_DECIMAL'],
    ],
  },
  {
    body: `[${good},{"name":"Rose","materials":[{"name":"a","concentration":1},{"name":" A ","concentration":2}]}]`,
    problems: [['/1/materials/1', 'MATERIAL_DUPLICATE']],
  },
  {
    body: '{"name":"Rose","materials":[{"name":"a","concentration":0.1000000000000000055}]}',
    problems: [['/materials/0/concentration', 'MATERIAL_CONCENTRATION_NOT_DECIMAL']],
  },
]
