import { test } from 'tap'
import { effectOfDeleting, effectOfMoving, placeOf } from '../../console/views/effects.js'

const erp = {
  name: 'erp',
  createdAt: '2026-01-31T12:00:00.000Z',
  paused: false,
  ready: 1200,
  leased: 2,
  delayed: 1,
  dead: 1,
  oldestReadyAgeSeconds: 60,
}

test('a time is chosen by the operator’s clock, and sent in UTC', async (t) => {
  const time = '2026-01-31T13:00'
  t.equal(placeOf({ kind: 'time', time }), new Date(2026, 0, 31, 13).toISOString())
  t.equal(placeOf({ kind: 'time', time: '' }), null)
  t.equal(placeOf({ kind: 'start', time }), 'start')
  t.equal(placeOf({ kind: 'end', time: '' }), 'end')
})

test('a move says how many events it skips and drops, and what becomes of dead letters', async (t) => {
  const end = effectOfMoving({ kind: 'end', time: '' }, erp)
  t.match(end, /skips all events up to now \(1,200 ready\)/)
  t.match(end, /\(3 events\) is dropped and its receipts are stale/)
  t.match(end, /Dead letters stay\.$/)
  t.match(effectOfMoving({ kind: 'start', time: '' }, erp), /every event that is kept.*Dead letters are dropped too/)
  t.match(effectOfMoving({ kind: 'time', time: '2026-01-31T13:00' }, erp), /at or after this time.*earlier ones stay/)
  t.equal(effectOfMoving({ kind: 'time', time: '9999-12-31T23:59' }, erp), end, 'the future is the end')
})

test('a deletion says how many events and dead letters are lost', async (t) => {
  t.match(effectOfDeleting(erp), /its 1,203 unfinished events and its 1 dead letter are dropped for good/)
})
