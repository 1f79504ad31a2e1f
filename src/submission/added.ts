import type { StoredAnswer, Submission } from '../stores/ports.ts'

/** How the entry of a duplicate ends. Quotes within a name are escaped, so no name can look like it. */
const DUPLICATE = ',"outcome":"duplicate"}'

/** How many formulas of a submission were added, by its answer. */
export function addedBy({ formulas, onDuplicate }: Submission, { status, body }: StoredAnswer): number {
  if (status !== 200) return 0
  return onDuplicate === 'reject' ? formulas.length : formulas.length - (body.split(DUPLICATE).length - 1)
}
