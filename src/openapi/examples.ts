import type { Formula, Material } from '../formula/formula.ts'
import { fingerprint, nameIdentity } from '../formula/identity.ts'

// Examples of the OpenAPI document. They are consistent: the submitted formula is the one that other examples read.

const materials = [
  { name: 'Rose Absolute', concentration: '12.5' },
  { name: 'Linalool', concentration: '3.25' },
]

export const storedFormula = storedFormulaOf('Rose Garden', materials)

function storedFormulaOf(name: string, materials: Material[]): Formula & { createdAt: string } {
  const id = fingerprint(materials.map(({ name, concentration }) => [nameIdentity(name), concentration] as const))
  return { id, name, materials, createdAt: '2026-01-31T12:00:00.000Z' }
}

/** Bodies of submissions, all with different compositions. */
export const submissions = {
  'A formula': { name: storedFormula.name, materials },
  'Concentrations as numbers': { name: 'Citrus', materials: [{ name: 'Limonene', concentration: 1e1 }] },
  'With notes of the caller': {
    name: 'Fougère',
    materials: [{ name: 'Coumarin', concentration: '4' }],
    metadata: { client: 'Maison Verte', 'cas.Coumarin': '91-64-5' },
  },
  'A list': [
    { name: 'Violet', materials: [{ name: 'alpha-Ionone', concentration: '.50' }] },
    { name: 'Cedar', materials: [{ name: 'Cedrol', concentration: '+2e-1' }] },
  ],
}

/** Bodies of derivations from `storedFormula`. */
export const derivations = {
  'More of one material, another left out': {
    name: 'Rose Garden II',
    changes: [
      { material: 'Linalool', add: '0.1' },
      { material: 'Rose Absolute', remove: true },
      { material: 'Geraniol', set: '2' },
    ],
  },
  'Twice as strong': { name: 'Rose Garden Intense', scale: '2', metadata: { client: 'Maison Verte' } },
}

/** The first of `derivations`, stored. */
export const derivedFormula = {
  ...storedFormulaOf('Rose Garden II', [
    { name: 'Linalool', concentration: '3.35' },
    { name: 'Geraniol', concentration: '2' },
  ]),
  derivedFrom: storedFormula.id,
}

/** The event of `storedFormula`. */
export const event = { id: storedFormula.id, name: storedFormula.name, createdAt: storedFormula.createdAt }

export const receipt = '12-PtNbV0aZk3Qx9LwE'
