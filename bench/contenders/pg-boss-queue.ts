import { PgBoss } from 'pg-boss'

export const QUEUE = 'formula-created'

/** Starts pg-boss as its documentation does, with the leases and retries that our own queue has by default. */
export async function startBoss(max = 10): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString: process.env.DATABASE_URL as string, max })
  boss.on('error', (error) => process.stderr.write(`${error}\n`))
  await boss.start()
  await boss.createQueue(QUEUE, { expireInSeconds: 30, retryLimit: 4 })
  return boss
}
