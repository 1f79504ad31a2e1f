import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify from 'fastify'
import { submitFormulas } from '../../routes/formulas/schemas.ts'

interface Submitted {
  name: string
  materials: { name: string; concentration: string | number }[]
}

/** Stands for a fingerprint and a time, which a route that stores nothing has none of. */
const ID = '0'.repeat(64)
const CREATED_AT = '2026-01-31T12:00:00.000Z'

/** The yardstick: a Fastify route with the same schema and an answer of the same shape, which stores nothing. */
const app = Fastify().withTypeProvider<TypeBoxTypeProvider>()

app.post('/formulas', { schema: submitFormulas }, async ({ body }) => {
  const formulas = ([body].flat() as Submitted[]).map(({ name, materials }) => ({
    id: ID,
    name,
    materials: materials.map((material) => ({ ...material, concentration: String(material.concentration) })),
    createdAt: CREATED_AT,
  }))
  return { message: 'Formula(s) added!', formulas }
})

const address = await app.listen({ host: '127.0.0.1', port: 0 })
// The benchmark reads from here that it listens, and where.
process.stdout.write(`listening at ${address};\n`)
