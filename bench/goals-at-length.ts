import type { Endurance } from './endurance.ts'
import { atLeast, below, inMegabytes, inMs, whole } from './judged.ts'
import type { Million } from './million.ts'
import type { Calls } from './million-calls.ts'
import type { Overload } from './overload.ts'
import type { Judged } from './record.ts'
import type { Sweep } from './sweep.ts'

// The goals of what only a full run measures.

const MOST_RSS_BYTES = 300e6
/** A median that is not above this share of another is called the same: single calls vary so much by themselves. */
const SAME = 1.3
/** Nor one that is above it by less than this: a tenth of a millisecond is a third of a short call. */
const SAME_MS = 0.2
const FLAT = 1.1

export function millionGoals({ formulas, rates, rssBytes, startMs }: Million): Judged[] {
  const held = whole(formulas)
  return [
    ...rates.map(({ title, empty, filled }) =>
      atLeast(`${title}, at ${held} formulas and events: at least 0.7 of the rate when empty`, filled / empty, 0.7),
    ),
    below(`RSS at ${held} formulas, under load: below 300 MB`, rssBytes, MOST_RSS_BYTES, inMegabytes),
    below(`Start with ${held} formulas, after a stop: below 2 s`, startMs.afterStop, 2000, inMs),
    below(`Start with ${held} formulas, after kill -9: below 2 s`, startMs.afterKill, 2000, inMs),
  ]
}

const CALLS: Record<keyof Calls, string> = {
  getById: 'A formula by its id',
  firstPage: 'The first page of formulas',
  receive: 'Receive',
  ack: 'Ack',
}

export function callGoals({ formulas, calls: { empty, filled } }: Million): Judged[] {
  return Object.entries(CALLS).map(([name, title]) => {
    const [little, much] = [empty[name as keyof Calls].p50Ms, filled[name as keyof Calls].p50Ms]
    return {
      goal: `${title}: p50 does not grow up to ${whole(formulas)} formulas and events`,
      figure: `${little.toFixed(2)} to ${much.toFixed(2)} ms`,
      holds: much <= Math.max(little * SAME, little + SAME_MS),
    }
  })
}

export function enduranceGoals({ seconds, mostRssBytes, growth }: Endurance): Judged[] {
  const time = `${(seconds / 60).toFixed(seconds % 60 === 0 ? 0 : 1)} minutes of load`
  return [
    below(`RSS in ${time}: below 300 MB`, mostRssBytes, MOST_RSS_BYTES, inMegabytes),
    below(`RSS in ${time}: the last minute at most ${FLAT} of the second`, growth, FLAT),
  ]
}

export function sweepGoals({ expiring, lasting, fileBytes }: Sweep): Judged[] {
  const [, second = 0] = fileBytes
  return [
    {
      goal: 'Keys expire: the worst second is no worse than without (at least 0.8 of it, as shares of the median)',
      figure: `${expiring.dip.toFixed(2)}, without ${lasting.dip.toFixed(2)}`,
      holds: expiring.dip >= 0.8 * lasting.dip,
    },
    below(
      `${fileBytes.length} rounds of keys that expire: the file is at most ${FLAT} of what it was after the second`,
      (fileBytes.at(-1) ?? 0) / second,
      FLAT,
    ),
  ]
}

export function overloadGoals({ levels, recovered }: Overload): Judged[] {
  const [first, last] = [levels[0], levels.at(-1)]
  if (first === undefined || last === undefined) return []
  const { accepted, shed, otherwise } = last.probed
  const at = `${whole(last.connections)} connections`
  return [
    atLeast(`Overload, ${at}: at least 0.7 of what ${first.connections} get in`, last.accepted / first.accepted, 0.7),
    {
      goal: `Overload, ${at}: p99 of the accepted below 1 s`,
      figure: accepted.count === 0 ? 'none accepted' : inMs(accepted.p99Ms),
      holds: accepted.count > 0 && accepted.p99Ms < 1000,
    },
    {
      goal: `Overload, ${at}: the others get 503 SERVICE_OVERLOADED with Retry-After, and nothing else`,
      figure: `${shed.count} of ${shed.count + accepted.count + otherwise}, ${otherwise} something else`,
      holds: shed.count > 0 && otherwise === 0,
    },
    atLeast('Overload: afterwards at least 0.9 of before', recovered.accepted / first.accepted, 0.9),
  ]
}
