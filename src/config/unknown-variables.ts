/** Prefixes that no other program is likely to use. */
const OURS = /^(?:SUBMIT|IDEMPOTENCY|EVENT|BODY_LIMIT|RATE_LIMIT|API_KEYS|ALLOW|ALLOWED|TRUSTED|CORS|FORWARD|WEBHOOK)_/
/** Shorter names are too similar to variables of other programs. */
const MIN_LENGTH = 8
const MAX_EDITS = 2

/** A variable that was probably meant for the service. */
interface UnknownVariable {
  name: string
  /** The similar variable that exists; null if there is none. */
  meant: string | null
}

/** Finds variables that look like ours but do not exist: typing errors, and options of other versions. */
export function unknownVariables(env: Record<string, string | undefined>, known: string[]): UnknownVariable[] {
  return Object.keys(env)
    .filter((name) => !known.includes(name))
    .map((name) => ({ name, meant: nearest(name.toUpperCase(), known) }))
    .filter(({ name, meant }) => meant !== null || OURS.test(name.toUpperCase()))
}

function nearest(name: string, known: string[]): string | null {
  if (name.length > 100) return null
  const near = known
    .filter((candidate) => candidate.length >= MIN_LENGTH || candidate === name)
    .map((candidate) => ({ candidate, edits: distance(name, candidate) }))
    .sort((a, b) => a.edits - b.edits)[0]
  return near !== undefined && near.edits <= MAX_EDITS ? near.candidate : null
}

/** The Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] as number) + (b[j - 1] === letter ? 0 : 1)
      next.push(Math.min(changed, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
