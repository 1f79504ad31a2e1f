import t from 'tap'
import { lease, receiptsOf } from '../../contract/leasing.ts'
import { type BrokenService, lying, receipt, seesEach, slipIn, storedAs } from './broken-services.ts'
import type { Reply } from './send.ts'

const refusal = (taken: string): Partial<Reply> => ({
  body: JSON.stringify({ acked: 0, rejected: [{ receipt: taken, code: 'RECEIPT_STALE' }] }),
})

const WORLDS: Record<string, BrokenService> = {
  'an event is lost': {
    says: /event of A: lost/,
    async spoil({ service: { app } }) {
      await app.queue.ack(receiptsOf(await lease(app.queue, 1)))
      return undefined
    },
  },
  'an event is doubled': {
    says: /events: formula twice/,
    async spoil(bench) {
      await slipIn(bench, await storedAs(bench, 'B'))
      return undefined
    },
  },
  'an event has no formula': {
    says: /event without its formula: Z/,
    async spoil(bench) {
      await slipIn(bench, { id: 'a'.repeat(64), name: 'Z', materials: [], createdAt: '2026-01-31T12:00:00.000Z' })
      return undefined
    },
  },
  'an event comes again after its ack': {
    says: /event of A: came again after its ack/,
    async spoil(bench) {
      await bench.history.ack(bench.send, [await receipt(bench)])
      await slipIn(bench, await storedAs(bench, 'A'))
      return undefined
    },
  },
  'an event comes again after it was drained': {
    says: /event of A: came again after/,
    async spoil(bench) {
      await bench.history.judge(bench.send, { whole: true })
      await slipIn(bench, await storedAs(bench, 'A'))
      return undefined
    },
  },
  'events are not counted right': {
    says: /events \(.*\), not 4 to 4/,
    spoil: ({ send }) =>
      lying(send, /^\/events\/stats/, () => ({ body: '{"ready":3,"leased":0,"delayed":0,"dead":0}' })),
  },
  'an event is leased to two at a time': {
    says: /event of A: leased to two at a time/,
    async spoil(bench) {
      await receipt(bench)
      await slipIn(bench, await storedAs(bench, 'A'))
      return undefined
    },
  },
  'a lease is not counted': {
    says: /event of A: two leases are both its number 1/,
    async spoil(bench) {
      await bench.history.nack(bench.send, [await receipt(bench)])
      return lying(bench.send, /receive$/, ({ body }) => ({
        body: body.replace('"receiveCount":2', '"receiveCount":1'),
      }))
    },
  },
  'an event is leased more often than it may be': {
    says: /event of A: leased 3 times/,
    spoil: ({ send }) =>
      lying(send, /receive$/, ({ body }) => ({ body: body.replace('"receiveCount":1', '"receiveCount":3') })),
  },
  'a live receipt is refused': {
    says: /event of A: its ack was refused while the lease was live/,
    async spoil(bench) {
      const taken = await receipt(bench)
      await bench.history.ack(
        lying(bench.send, /ack$/, () => refusal(taken)),
        [taken],
      )
      return undefined
    },
  },
  'an ack is accepted twice': {
    says: /event of A: its ack was accepted after another ack or nack/,
    async spoil(bench) {
      const taken = await receipt(bench)
      await bench.history.ack(bench.send, [taken])
      await bench.history.ack(
        lying(bench.send, /ack$/, () => ({ body: '{"acked":1,"rejected":[]}' })),
        [taken],
      )
      return undefined
    },
  },
  'a receipt is accepted after its lease has ended': {
    says: /event of A: its nack was accepted after the lease had ended/,
    async spoil(bench) {
      const past = lying(bench.send, /receive$/, ({ body }) => ({
        body: body.replace(/"leasedUntil":"20/, '"leasedUntil":"19'),
      }))
      await bench.history.nack(bench.send, [await receipt({ ...bench, send: past })])
      return undefined
    },
  },
  'first in is not first out': {
    says: /event of .*: came after that of/,
    spoil: ({ send }) =>
      lying(send, /receive$/, ({ body }) => ({
        body: JSON.stringify({ events: JSON.parse(body).events.toReversed() }),
      })),
  },
  'an event never comes back': {
    says: /events do not come: 0 ready, 1 leased, 0 delayed/,
    async spoil({ service }) {
      await lease(service.app.queue, 1, 600_000)
      return undefined
    },
  },
  'an event is dead before its time': {
    says: /event of A: dead after 1 leases/,
    async spoil({ service, send }) {
      for (let count = 1; count <= 2; count++) {
        await service.app.queue.nack(receiptsOf(await lease(service.app.queue, 1)), 0)
      }
      return lying(send, /dead/, ({ body }) => ({ body: body.replace('"receiveCount":2', '"receiveCount":1') }))
    },
  },
}

seesEach(t, WORLDS)
