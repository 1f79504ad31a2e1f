import t from 'tap'
import { lease, receiptsOf } from '../../contract/leasing.ts'
import type { ShownFormula } from '../../support/http/service.ts'
import type { Reply, Send } from '../client-history.ts'
import { type Bench, cutting, formula, listing, lying, receipt, setUp, slipIn, storedAs } from './broken-services.ts'

/**
 * A violation that `judge` must report, and what breaks the promise: the stores, an answer on the way to the history, or
 * every answer from then on, by the `Send` that is returned.
 */
type Broken = [reported: RegExp, spoil: (bench: Bench) => unknown]

const G = formula('G', 7)

const submitG = ({ history }: Bench, send: Send) => history.submit(send, 'g', G)

/** Answers a submission with a 409 for a formula that nobody stored. */
const refusing = (send: Send): Send => {
  const details = [{ path: '', id: 'a'.repeat(64), message: 'G' }]
  return lying(send, /./, () => ({ status: 409, body: JSON.stringify({ code: 'FORMULA_EXISTS', details }) }))
}

/** Submits under another key than the history's. */
const underKey =
  (send: Send, key: string): Send =>
  (method, path, _, body) =>
    send(method, path, { 'idempotency-key': key }, body)

const changing = (send: Send, paths: RegExp, from: string | RegExp, to: string): Send =>
  lying(send, paths, ({ body }) => ({ body: body.replace(from, to) }))

const withoutHeader = (send: Send, name: string): Send =>
  lying(send, /^\/formulas/, ({ headers }) => ({ headers: { ...headers, [name]: undefined } }))

const stale = (taken: string): Partial<Reply> => ({
  body: JSON.stringify({ acked: 0, rejected: [{ receipt: taken, code: 'RECEIPT_STALE' }] }),
})

const FORMULAS: Record<string, Broken> = {
  'a formula is lost': [
    /answered 200 and not stored so: A/,
    ({ send }) => listing(send, (all) => all.filter(({ name }) => name !== 'A')),
  ],
  'a formula is stored twice': [
    /stored: id twice/,
    ({ send }) => listing(send, (all) => [...all, all[0] as ShownFormula]),
  ],
  'a composition is stored twice': [
    /stored: composition twice/,
    ({ send }) => listing(send, (all) => [...all, { ...(all[0] as ShownFormula), id: 'f'.repeat(64), name: 'F' }]),
  ],
  'half a list is stored': [
    /a list is stored by half/,
    ({ send }) => listing(send, (all) => all.filter(({ name }) => name !== 'C')),
  ],
  'half a list with duplicates to skip is stored': [
    /key mixed2: G was new and is not stored/,
    async (bench) => {
      const { history, send } = bench
      await history.submit(send, 'mixed2', [G, formula('H', 8)], 'skip')
      await history.submit(cutting(send, false), 'later', formula('I', 7))
      const later = { ...(await storedAs(bench, 'G')), name: 'I' }
      return listing(send, (all) => [later, ...all.filter(({ name }) => name !== 'G')])
    },
  ],
  'a formula is stored that nobody sent': [
    /stored, and sent by nobody: Z/,
    ({ service }) => service.submit(formula('Z', 99)),
  ],
  'a formula is stored with another concentration': [
    /stored otherwise than it was sent/,
    ({ send }) => listing(send, (all) => all.map((one) => ({ ...one, ...(one.name === 'A' && formula('A', 9)) }))),
  ],
  'the order of acceptance is reversed': [
    /was accepted before .* and is newer/,
    ({ send }) => listing(send, (all) => all.toReversed()),
  ],
  'GET by id does not find a formula': [
    /GET of .*404/,
    ({ send }) => lying(send, /^\/formulas\/[0-9a-f]/, () => ({ status: 404 })),
  ],
  'a formula that a reader was shown is gone': [
    /shown once and gone/,
    async (bench) => {
      await submitG(bench, cutting(bench.send, false))
      const shown = { ...(await storedAs(bench, 'A')), ...G, id: 'a'.repeat(64) }
      await bench.history.look(listing(bench.send, (all) => [shown, ...all]))
    },
  ],
}

const ANSWERS: Record<string, Broken> = {
  'a replay has other bytes': [
    /answered with other bytes/,
    ({ send }) => changing(send, /^\/formulas$/, 'added!', 'added'),
  ],
  'a replay of a 409 has other bytes': [
    /key f: answered with other bytes/,
    ({ send }) => changing(send, /^\/formulas$/, 'already', 'Already'),
  ],
  'a replay has lost its Location': [/answered with another Location/, ({ send }) => withoutHeader(send, 'location')],
  'a replay does not say that it is one': [
    /carried out twice/,
    ({ send }) => withoutHeader(send, 'idempotent-replayed'),
  ],
  'a key is forgotten, and its retry is carried out anew': [
    /key a: answered with another status/,
    ({ send }): Send =>
      (method, path, headers, body) =>
        (headers?.['idempotency-key'] === 'a' ? underKey(send, 'other') : send)(method, path, headers, body),
  ],
  'a key answers two payloads': [
    /answered for two payloads/,
    ({ history, send }) => history.submit(underKey(send, 'new'), 'a', G),
  ],
  'a key is refused to its own payload': [
    /reused by nobody/,
    ({ send }) => lying(send, /^\/formulas$/, () => ({ status: 422 })),
  ],
  'a key stays unusable': [
    /key g: the key cannot be used: 503/,
    async (bench) => {
      await submitG(bench, cutting(bench.send, false))
      return lying(bench.send, /^\/formulas$/, (_, body) => (body.includes('"G"') ? { status: 503 } : {}))
    },
  ],
  'the retry of a submission that was cut off and stored is a duplicate': [
    /key g: not replayed: 409/,
    (bench) => submitG(bench, cutting(underKey(bench.send, 'x'), true)),
  ],
  'a 409 names a formula that is not stored': [
    /a duplicate of what is not stored: G/,
    (bench) => submitG(bench, refusing(bench.send)),
  ],
  'a formula is stored although it was answered 409': [
    /answered 409, and G is stored/,
    (bench) => submitG(bench, refusing(bench.send)),
  ],
  'an answer is a 500': [
    /unexpected answer: 500/,
    (bench) =>
      submitG(
        bench,
        lying(bench.send, /./, () => ({ status: 500 })),
      ),
  ],
  'a cleanup is left': [
    /a cleanup is left/,
    ({ send }) => lying(send, /^\/cleanups/, () => ({ body: '{"cleanups":[{"id":"c"}]}' })),
  ],
}

const EVENTS: Record<string, Broken> = {
  'an event is lost': [
    /event of A: lost/,
    async ({ service: { app } }) => app.queue.ack(receiptsOf(await lease(app.queue, 1))),
  ],
  'an event is doubled': [/events: formula twice/, async (bench) => slipIn(bench, await storedAs(bench, 'B'))],
  'an event has no formula': [
    /event without its formula: Z/,
    (bench) => slipIn(bench, { id: 'a'.repeat(64), name: 'Z', materials: [], createdAt: '2026-01-31T12:00:00.000Z' }),
  ],
  'an event comes again after its ack': [
    /event of A: came again after its ack/,
    async (bench) => {
      await bench.history.ack(bench.send, [await receipt(bench)])
      await slipIn(bench, await storedAs(bench, 'A'))
    },
  ],
  'an event comes again after it was drained': [
    /event of A: came again after/,
    async (bench) => {
      await bench.history.judge(bench.send, { whole: true })
      await slipIn(bench, await storedAs(bench, 'A'))
    },
  ],
  'events are counted wrong': [
    /events \(.*\), not 4 to 4/,
    ({ send }) => changing(send, /^\/events\/stats/, /.*/, '{"ready":3,"leased":0,"delayed":0,"dead":0}'),
  ],
  'an event is leased to two at a time': [
    /event of A: leased to two at a time/,
    async (bench) => {
      await receipt(bench)
      await slipIn(bench, await storedAs(bench, 'A'))
    },
  ],
  'a lease is not counted': [
    /event of A: two leases are both its number 1/,
    async (bench) => {
      await bench.history.nack(bench.send, [await receipt(bench)])
      return changing(bench.send, /receive$/, '"receiveCount":2', '"receiveCount":1')
    },
  ],
  'an event is leased too often': [
    /event of A: leased 3 times/,
    ({ send }) => changing(send, /receive$/, '"receiveCount":1', '"receiveCount":3'),
  ],
  'a live receipt is refused': [
    /event of A: its ack was refused while the lease was live/,
    async (bench) => {
      const taken = await receipt(bench)
      const refusing = lying(bench.send, /ack$/, () => stale(taken))
      await bench.history.ack(refusing, [taken])
    },
  ],
  'an ack is accepted twice': [
    /event of A: its ack was accepted after another ack or nack/,
    async (bench) => {
      const taken = await receipt(bench)
      await bench.history.ack(bench.send, [taken])
      const accepting = changing(bench.send, /ack$/, /.*/, '{"acked":1,"rejected":[]}')
      await bench.history.ack(accepting, [taken])
    },
  ],
  'a receipt is accepted after its lease has ended': [
    /event of A: its nack was accepted after the lease had ended/,
    async (bench) => {
      const past = changing(bench.send, /receive$/, /"leasedUntil":"20/, '"leasedUntil":"19')
      await bench.history.nack(bench.send, [await receipt({ ...bench, send: past })])
    },
  ],
  'first in is not first out': [
    /event of .*: came after that of/,
    ({ send }) =>
      lying(send, /receive$/, ({ body }) => ({
        body: JSON.stringify({ events: JSON.parse(body).events.toReversed() }),
      })),
  ],
  'an event never comes back': [
    /events do not come: 0 ready, 1 leased, 0 delayed/,
    ({ service }) => lease(service.app.queue, 1, 600_000),
  ],
  'an event is dead too early': [
    /event of A: dead after 1 leases/,
    async ({ service: { app }, send }) => {
      for (const _ of [1, 2]) await app.queue.nack(receiptsOf(await lease(app.queue, 1)), 0)
      return changing(send, /dead/, '"receiveCount":2', '"receiveCount":1')
    },
  ],
}

for (const [name, [reported, spoil]] of Object.entries({ ...FORMULAS, ...ANSWERS, ...EVENTS })) {
  t.test(`the history reports it when ${name}`, async (t) => {
    const bench = await setUp(t)
    const send = await spoil(bench)
    const judged = typeof send === 'function' ? (send as Send) : bench.send
    const violations = await bench.history.judge(judged, { whole: true, patienceMs: 1 })
    t.match(violations.join('\n'), reported)
  })
}
