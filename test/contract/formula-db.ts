import t from 'tap'
import { duplicatePromises, skipPromises } from './formula-db/duplicates.ts'
import { erasePromises } from './formula-db/erase.ts'
import { formulaPromises } from './formula-db/formulas.ts'
import { listPromises, searchPromises } from './formula-db/lists.ts'
import { sizePromises } from './formula-db/page-sizes.ts'
import { abandonPromises, addPromises, claimPromises, completePromises, keyPromises } from './formula-db/saga.ts'
import type { OpenStores } from './open-stores.ts'

/** What every database of formulas promises. */
export function formulaDbContract(name: string, open: OpenStores): void {
  t.test(`${name} formula db: formulas`, (t) => formulaPromises(t, open))
  t.test(`${name} formula db: lists`, (t) => listPromises(t, open))
  t.test(`${name} formula db: sizes of pages`, (t) => sizePromises(t, open))
  t.test(`${name} formula db: search`, (t) => searchPromises(t, open))
  t.test(`${name} formula db: duplicates`, (t) => duplicatePromises(t, open))
  t.test(`${name} formula db: skipped duplicates`, (t) => skipPromises(t, open))
  t.test(`${name} formula db: adding`, (t) => addPromises(t, open))
  t.test(`${name} formula db: completing`, (t) => completePromises(t, open))
  t.test(`${name} formula db: abandoning`, (t) => abandonPromises(t, open))
  t.test(`${name} formula db: claims`, (t) => claimPromises(t, open))
  t.test(`${name} formula db: keys`, (t) => keyPromises(t, open))
  t.test(`${name} formula db: erasing`, (t) => erasePromises(t, open))
}
