import type { Formula } from '../formula/formula.ts'
import { fingerprint, nameIdentity } from '../formula/identity.ts'

// Examples of the OpenAPI document. They are consistent: the submitted formula is the one that other examples read.

const materials = [
  { name: 'Rose Absolute', concentration: '12.5' },
  { name: 'Linalool', concentration: '3.25' },
]

export const storedFormula: Formula & { createdAt: string } = {
  id: fingerprint(materials.map(({ name, concentration }) => [nameIdentity(name), concentration] as const)),
  name: 'Rose Garden',
  materials,
  createdAt: '2026-01-31T12:00:00.000Z',
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

/** The event of `storedFormula`. */
export const event = { id: storedFormula.id, name: storedFormula.name, createdAt: storedFormula.createdAt }

export const receipt = '12-PtNbV0aZk3Qx9LwE'
