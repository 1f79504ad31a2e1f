import type { PostgresServer } from '../../test/support/postgres/server.ts'
import type { Case } from '../cases.ts'
import { type Extent, type Figure, Under } from '../under.ts'
import type { OnPostgres } from './contenders.ts'
import { type ServerFigure, ServerSide } from './server-side.ts'

/** What one contender comes to, and what it costs the server. */
export interface Intake extends Figure {
  server: ServerFigure
}

/**
 * Measures contenders in turns, each on a database of its own.
 * @throws {Error} when something that was answered is not there
 */
export async function measureIntake(
  server: PostgresServer,
  contenders: OnPostgres[],
  subject: Case,
  extent: Extent,
): Promise<Intake[]> {
  const measured: { under: Under; side: ServerSide }[] = []
  try {
    for (const contender of contenders) {
      const url = await server.createDatabase()
      measured.push({ under: new Under(subject, contender(url)), side: await new ServerSide(server, url).open() })
    }
    for (const { under } of measured) await under.prepare(extent)
    for (let round = 0; round < extent.rounds; round++) {
      for (const { under, side } of measured) await side.during(() => under.round(extent))
    }
    for (const { under } of measured) await under.verify()
    return measured.map(({ under, side }) => ({ ...under.figure(), server: side.figure() }))
  } finally {
    for (const { under, side } of measured) {
      await under.remove()
      await side.close()
    }
  }
}
