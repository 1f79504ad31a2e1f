import Fastify from 'fastify'
import { listFormulas, submitFormulas } from '../../routes/formulas/schemas.ts'

// A Fastify route with the same schema of a body and the same shape of answer, which stores nothing.

interface Submitted {
  name: string
  materials: { name: string; concentration: string | number }[]
}

/** Placeholders of the same length as real ones. */
const ID = '0'.repeat(64)
const CREATED_AT = '2026-01-31T12:00:00.000Z'

/** Without ids, which Ajv accepts only once. */
const plain = (schema: object): object =>
  JSON.parse(JSON.stringify(schema, (key, value) => (key === '$id' ? undefined : value)))

// Without the union of formulas and ids in the answer of the service: Fastify serialises that slowly.
const { formulas } = listFormulas.response[200].properties
const answer = { type: 'object', properties: { message: { type: 'string' }, formulas } }
const schema = { body: plain(submitFormulas.body), response: { 200: plain(answer) } }

const app = Fastify()

app.post('/formulas', { schema }, async ({ body }) => {
  const formulas = ([body].flat() as Submitted[]).map(({ name, materials }) => ({
    id: ID,
    name,
    materials: materials.map((material) => ({ ...material, concentration: String(material.concentration) })),
    createdAt: CREATED_AT,
  }))
  return { message: 'Formula(s) added!', formulas }
})

const address = await app.listen({ host: '127.0.0.1', port: 0 })
// The benchmark reads the address from this line.
process.stdout.write(`listening at ${address};\n`)
