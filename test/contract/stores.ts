import t from 'tap'
import { cleanupQueueContract } from './cleanup-queue.ts'
import { anyOperationPromises } from './event-queue/any-operations.ts'
import { bodyPromises } from './event-queue/bodies.ts'
import { deadPromises } from './event-queue/dead-letters.ts'
import { endLeasesPromises } from './event-queue/ended-leases.ts'
import { erasePromises as eraseEventPromises } from './event-queue/erase.ts'
import { deliveryPromises, eventListPromises } from './event-queue/event-states.ts'
import { figurePromises } from './event-queue/figures.ts'
import { leasePromises, orderPromises } from './event-queue/order-and-leases.ts'
import { pausePromises } from './event-queue/pause.ts'
import { putBackPromises } from './event-queue/put-back.ts'
import { readerPromises } from './event-queue/readers.ts'
import { nackPromises, receiptPromises } from './event-queue/receipts.ts'
import { redrivePromises } from './event-queue/redrive.ts'
import { heldPromises, tombstonePromises } from './event-queue/saga.ts'
import { seekPromises } from './event-queue/seek.ts'
import { manySubscriptionsPromises, subscriptionPromises, unsubscribePromises } from './event-queue/subscriptions.ts'
import { trimmedDeadPromises, trimPromises } from './event-queue/trim.ts'
import { duplicatePromises, skipPromises } from './formula-db/duplicates.ts'
import { erasePromises as eraseFormulaPromises } from './formula-db/erase.ts'
import { filterPromises } from './formula-db/filters.ts'
import { formulaPromises } from './formula-db/formulas.ts'
import { listPromises, searchPromises } from './formula-db/lists.ts'
import { sizePromises } from './formula-db/page-sizes.ts'
import { abandonPromises, addPromises, claimPromises, completePromises, keyPromises } from './formula-db/saga.ts'
import { idempotencyStoreContract } from './idempotency-store.ts'
import { intakeContract } from './intake.ts'
import type { OpenStores } from './open-stores.ts'

/** The full contract of an engine that holds all stores. */
export function storesContract(name: string, open: OpenStores, orphanAfterMs = 0): void {
  formulaDbContract(name, open)
  eventQueueContract(name, open)
  idempotencyStoreContract(name, open)
  cleanupQueueContract(name, open, orphanAfterMs)
  intakeContract(name, open)
}

/** The contract of every formula database. */
function formulaDbContract(name: string, open: OpenStores): void {
  t.test(`${name} formula db: formulas`, (t) => formulaPromises(t, open))
  t.test(`${name} formula db: lists`, (t) => listPromises(t, open))
  t.test(`${name} formula db: sizes of pages`, (t) => sizePromises(t, open))
  t.test(`${name} formula db: search`, (t) => searchPromises(t, open))
  t.test(`${name} formula db: filters`, (t) => filterPromises(t, open))
  t.test(`${name} formula db: duplicates`, (t) => duplicatePromises(t, open))
  t.test(`${name} formula db: skipped duplicates`, (t) => skipPromises(t, open))
  t.test(`${name} formula db: adding`, (t) => addPromises(t, open))
  t.test(`${name} formula db: completing`, (t) => completePromises(t, open))
  t.test(`${name} formula db: abandoning`, (t) => abandonPromises(t, open))
  t.test(`${name} formula db: claims`, (t) => claimPromises(t, open))
  t.test(`${name} formula db: keys`, (t) => keyPromises(t, open))
  t.test(`${name} formula db: erasing`, (t) => eraseFormulaPromises(t, open))
}

/** The contract of every event queue. */
function eventQueueContract(name: string, open: OpenStores): void {
  t.test(`${name} event queue: order`, (t) => orderPromises(t, open))
  t.test(`${name} event queue: leases`, (t) => leasePromises(t, open))
  t.test(`${name} event queue: receipts`, (t) => receiptPromises(t, open))
  t.test(`${name} event queue: nacks`, (t) => nackPromises(t, open))
  t.test(`${name} event queue: events put back`, (t) => putBackPromises(t, open))
  t.test(`${name} event queue: leases that are ended`, (t) => endLeasesPromises(t, open))
  t.test(`${name} event queue: sagas`, (t) => heldPromises(t, open))
  t.test(`${name} event queue: tombstones`, (t) => tombstonePromises(t, open))
  t.test(`${name} event queue: dead letters`, (t) => deadPromises(t, open))
  t.test(`${name} event queue: redrive`, (t) => redrivePromises(t, open))
  t.test(`${name} event queue: bodies`, (t) => bodyPromises(t, open))
  t.test(`${name} event queue: figures and hints`, (t) => figurePromises(t, open))
  t.test(`${name} event queue: subscriptions`, (t) => subscriptionPromises(t, open))
  t.test(`${name} event queue: many subscriptions`, (t) => manySubscriptionsPromises(t, open))
  t.test(`${name} event queue: subscriptions that are removed`, (t) => unsubscribePromises(t, open))
  t.test(`${name} event queue: readers`, (t) => readerPromises(t, open))
  t.test(`${name} event queue: moves`, (t) => seekPromises(t, open))
  t.test(`${name} event queue: pauses`, (t) => pausePromises(t, open))
  t.test(`${name} event queue: trimming`, (t) => trimPromises(t, open))
  t.test(`${name} event queue: trimming of dead letters`, (t) => trimmedDeadPromises(t, open))
  t.test(`${name} event queue: erasing`, (t) => eraseEventPromises(t, open))
  t.test(`${name} event queue: events in a state`, (t) => eventListPromises(t, open))
  t.test(`${name} event queue: the states of an event`, (t) => deliveryPromises(t, open))
  t.test(`${name} event queue: any operations`, (t) => anyOperationPromises(t, open))
}
