import t, { type Test } from 'tap'
import type { Stores } from '../../src/stores/ports.ts'
import { TestClock } from '../support/test-clock.ts'
import { DEFAULT, LEASE_MS, lease, leaseIn, namesOf, readIn, receiptsOf, show } from './leasing.ts'
import type { OpenOptions } from './open-stores.ts'
import { again, answerOf, eraseFormula, events, formula, idOf, NOON, seqOf, store, submission } from './submissions.ts'

/** Prepares a location for stores. @returns a function that opens stores there; its caller must close them */
export type Prepare = (t: Test, options: OpenOptions) => Promise<() => Promise<Stores>>

/** The contract of every durable engine across restarts of the process. */
export function restartContract(name: string, prepare: Prepare): void {
  const restarted = async (t: Test, options: Omit<OpenOptions, 'clock'> = {}) => {
    const clock = new TestClock()
    const open = await prepare(t, { clock, ...options })
    let stores = await open()
    t.teardown(() => stores.close())
    const restart = async (): Promise<Stores> => {
      await stores.close()
      stores = await open()
      return stores
    }
    return { stores, restart, clock }
  }

  t.test(`${name}: subscriptions keep their places and deliveries across a restart`, async (t) => {
    const { stores, restart, clock } = await restarted(t, { maxReceives: 2 })
    const before = stores.queue
    await before.subscribe('x', 'start')
    await before.pause('x', true)
    await show(before, 'abcdef')
    const [a = '', b = '', c = '', d = ''] = receiptsOf(await lease(before, 4))
    await before.nack([a, b], 0)
    await before.nack(receiptsOf(await lease(before, 2)), 0, 'no use')
    await before.nack([c], 1000)
    await before.redrive(DEFAULT, [idOf('a')])
    await show(before, 'g')
    const [told, dead] = [await before.subscriptions(), await before.dead(DEFAULT, 10)]
    const { queue } = await restart()
    t.same(await queue.subscriptions(), told)
    t.same(await queue.dead(DEFAULT, 10), dead)
    t.match(dead.items, [{ id: idOf('b'), detail: 'no use' }])
    t.same(await queue.ack([d, c]), { accepted: 1, stale: [c] })
    clock.advance(1000)
    t.equal(namesOf(await lease(queue)), 'cefag')
    t.same(await leaseIn(queue, 'x'), [])
    await queue.pause('x', false)
    t.equal(namesOf(await leaseIn(queue, 'x')), 'abcdefg')
  })

  t.test(`${name}: a log that was trimmed or erased to its end continues after it across a restart`, async (t) => {
    const { stores, restart } = await restarted(t)
    await show(stores.queue, 'abc')
    await readIn(stores.queue, DEFAULT)
    await stores.queue.trim(NOON + 1, 100)
    const second = await restart()
    t.equal(await second.queue.subscribe('x', 'end'), 'made')
    await show(second.queue, 'de')
    for (const name of 'de') await second.queue.erase(idOf(name), seqOf(name))
    const { queue } = await restart()
    await show(queue, 'f')
    for (const name of [DEFAULT, 'x']) {
      t.match(await queue.stats(name), { ready: 1 })
      t.equal(await readIn(queue, name), 'f', name)
    }
  })

  t.test(`${name}: no sequence number is reused after a restart, even that of an erased formula`, async (t) => {
    const { stores, restart } = await restarted(t)
    let { db } = stores
    let last = 0
    for (let round = 0; round < 3; round++) {
      for (const concentration of ['1', '2']) await store(db, submission([formula('a', concentration)]))
      for (const concentration of ['2', '1']) {
        const { id } = formula('a', concentration)
        const seq = (await db.get(id))?.seq ?? 0
        t.ok(seq > last, `${seq} is new`)
        t.equal(await eraseFormula(db, id), true)
      }
      last += 2
      db = (await restart()).db
    }
  })

  t.test(`${name}: a stored answer survives a restart, and is gone once its formula is erased`, async (t) => {
    const { stores, restart } = await restarted(t)
    const list = submission([formula('a', '1'), formula('b', '2'), formula('c', '1')], { onDuplicate: 'skip' })
    const attempt = await store(stores.db, list)
    const kept = await stores.idempotency.find('', list.key)
    t.match(kept, { answer: { status: 200, entries: [{ outcome: 'added' }, {}, { outcome: 'duplicate' }] } })
    const { db, idempotency } = await restart()
    t.same(await idempotency.find('', list.key), kept)
    t.same(answerOf(await db.add(`${attempt}.2`, again(list))), kept?.answer)
    await eraseFormula(db, formula('b', '2').id)
    const third = await restart()
    t.match(await third.idempotency.find('', list.key), { submissionId: list.id, answer: { status: 410 } })
  })

  t.test(`${name}: a completed saga keeps its decision and sequence numbers across a restart`, async (t) => {
    const { stores, restart, clock } = await restarted(t)
    await stores.db.add('1', submission([formula('a', '1'), formula('b', '2')]))
    const decision = await stores.db.complete('1')
    const { db, cleanups } = await restart()
    clock.advance(LEASE_MS)
    t.match(await cleanups.due(10), [{ id: '1', decision }])
    t.same(await db.complete('1'), decision)
  })

  t.test(`${name}: held events stay held across a restart, and are released once`, async (t) => {
    const { stores, restart } = await restarted(t)
    await stores.queue.publish('1', events('ab'))
    const second = await restart()
    t.same(await lease(second.queue), [])
    await second.queue.release('1', events('ab'))
    const { queue } = await restart()
    await queue.release('1', events('ab'))
    t.equal(namesOf(await lease(queue)), 'ab')
  })
}
