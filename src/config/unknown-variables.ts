/** How variables begin that no other program is likely to read. */
const OURS = /^(?:SUBMIT|IDEMPOTENCY|EVENT|BODY_LIMIT|RATE_LIMIT|API_KEYS|ALLOW|ALLOWED|TRUSTED|CORS|FORWARD|WEBHOOK)_/
/** A shorter name is a few letters away from names of other programs. */
const LONG_ENOUGH = 8
const TYPO = 2

/** A variable that was meant for the service, as it seems. */
export interface UnknownVariable {
  name: string
  /** The variable that was probably meant; null where none is spelt nearly so. */
  meant: string | null
}

/** Variables that are set, and look like ours, and are not known: typing errors, and options of other versions. */
export function unknownVariables(env: Record<string, string | undefined>, known: string[]): UnknownVariable[] {
  return Object.keys(env)
    .filter((name) => !known.includes(name))
    .map((name) => ({ name, meant: nearest(name.toUpperCase(), known) }))
    .filter(({ name, meant }) => meant !== null || OURS.test(name.toUpperCase()))
}

function nearest(name: string, known: string[]): string | null {
  if (name.length > 100) return null
  const near = known
    .filter((candidate) => candidate.length >= LONG_ENOUGH || candidate === name)
    .map((candidate) => ({ candidate, edits: distance(name, candidate) }))
    .sort((a, b) => a.edits - b.edits)[0]
  return near !== undefined && near.edits <= TYPO ? near.candidate : null
}

/** How many letters have to be put in, left out or changed to make one word of the other (Levenshtein). */
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
