import { type Contender, sqlite } from '../contender.ts'

/** A contender on a database of its own. */
export type OnPostgres = (databaseUrl: string) => Contender

const other = (name: string, description: string): OnPostgres => {
  const script = new URL(`../contenders/${name}.ts`, import.meta.url)
  return (url) => ({
    name,
    description,
    script,
    environment: () => ({ DATABASE_URL: url }),
    durable: true,
    stores: true,
  })
}

export const postgres: OnPostgres = (url) => ({
  ...sqlite,
  name: 'postgres',
  description: 'this service on PostgreSQL',
  environment: () => ({ DATABASE_URL: url }),
})

export const transactionARequest = other(
  'transaction-a-request',
  'Fastify and pg with one PostgreSQL transaction for each request',
)

export const pgBoss = other('pg-boss', 'the same with an event that pg-boss adds in the transaction')
