import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import { call, post, startService } from '../service-process.ts'

interface Leased {
  events: { receipt: string }[]
}

const HOUR_MS = '3600000'
const oneOf = (name: string, material: string, concentration: number) => ({
  name,
  materials: [{ name: material, concentration }],
})
const garden = {
  name: 'Rose Garden',
  materials: [
    { name: 'Rose Absolute', concentration: '12.50' },
    { name: 'Linalool', concentration: 3.25 },
  ],
}

/**
 * A service with three dead letters, and a cleanup that it does not retry by itself within the hour. The cause of the
 * failures is fixed.
 * @returns its URL
 */
export async function startTroubled(t: Test): Promise<string> {
  const directory = t.testdir()
  const queue = join(directory, 'events.db')
  const { url } = await startService(t, {
    DATABASE_URL: `sqlite:${join(directory, 'formulas.db')}`,
    QUEUE_URL: `sqlite:${queue}`,
    SUBMIT_RETRIES: '1',
    SUBMIT_RETRY_BASE_MS: HOUR_MS,
    SUBMIT_RETRY_MAX_MS: HOUR_MS,
  })
  for (const formula of [garden, oneOf('Citrus', 'Limonene', 10), oneOf('Amber', 'Ambroxan', 2)]) {
    await post(url, formula.name.replace(' ', '-'), formula)
  }
  for (let lease = 1; lease <= 5; lease++) {
    const { events } = await call<Leased>(url, '/events/receive', { max: 3 })
    await call(url, '/events/nack', { receipts: events.map(({ receipt }) => receipt) })
  }

  const mend = breakWrites(queue)
  await post(url, 'Cedar', oneOf('Cedar', 'Cedarwood', 7))
  mend()
  return url
}

/** Fails a saga's writes to its queue, as a full disk does. */
function breakWrites(path: string): () => void {
  const db = new DatabaseSync(path)
  for (const table of ['held', 'marks']) {
    db.exec(`CREATE TRIGGER full_${table} BEFORE INSERT ON ${table} BEGIN SELECT RAISE(FAIL, 'disk is full'); END`)
  }
  return () => {
    db.exec('DROP TRIGGER full_held; DROP TRIGGER full_marks')
    db.close()
  }
}
