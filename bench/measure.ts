import type { Case } from './cases.ts'
import { type Extent, type Figure, Under } from './under.ts'

/**
 * Measures the contenders of a case one after the other, again and again, so that what disturbs the machine disturbs all
 * of them. Checks then that what was answered is stored.
 * @throws {Error} when something that was answered is not there: then its figures are worth nothing
 */
export async function measure(subject: Case, extent: Extent): Promise<Figure[]> {
  const running = subject.contenders.map((contender) => new Under(subject, contender))
  try {
    for (const each of running) await each.prepare(extent)
    for (let round = 0; round < extent.rounds; round++) for (const each of running) await each.round(extent)
    await Promise.all(running.map((each) => each.verify()))
    return running.map((each) => each.figure())
  } finally {
    for (const each of running) await each.remove()
  }
}
