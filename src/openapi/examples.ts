import { fingerprint } from '../formula/fingerprint.ts'
import type { StoredFormula } from '../formula/formula.ts'
import { nameIdentity } from '../formula/identity.ts'

// What the OpenAPI document shows. Its examples hang together: the formula that one submits is the one that others read.

const materials = [
  { name: 'Rose Absolute', concentration: '12.5' },
  { name: 'Linalool', concentration: '3.25' },
]

/** A formula as it comes back. */
export const storedFormula: StoredFormula = {
  id: fingerprint(materials.map(({ name, concentration }) => [nameIdentity(name), concentration] as const)),
  name: 'Rose Garden',
  materials,
  createdAt: '2026-01-31T12:00:00.000Z',
}

/** Bodies of submissions, each of compositions of its own. */
export const submissions = {
  'A formula': { name: storedFormula.name, materials },
  'Concentrations as numbers': { name: 'Citrus', materials: [{ name: 'Limonene', concentration: 1e1 }] },
  'A list': [
    { name: 'Violet', materials: [{ name: 'alpha-Ionone', concentration: '.50' }] },
    { name: 'Cedar', materials: [{ name: 'Cedrol', concentration: '+2e-1' }] },
  ],
}

/** The event of that formula. */
export const event = { id: storedFormula.id, name: storedFormula.name, createdAt: storedFormula.createdAt }

export const receipt = '12-PtNbV0aZk3Qx9LwE'
