import t from 'tap'
import { cutting, formula, receipt, setUp } from './broken-services.ts'

const WHOLE = { whole: true }

t.test('a service that keeps its promises causes no violation, whatever its clients do', async (t) => {
  const bench = await setUp(t)
  const { history, send } = bench
  t.same(await history.judge(send, { whole: false }), [])
  await history.submit(send, '"a"', formula('A', 1))
  await history.submit(send, 'a', formula('another payload', 7))
  await Promise.all([history.submit(send, 'g', formula('G', 7)), history.submit(send, 'h', formula('H', 7))])
  await Promise.all([history.submit(send, 'i', formula('I', 8)), history.submit(send, 'i', formula('I', 8))])
  await history.look(send)
  const acked = await receipt(bench)
  await history.ack(send, [acked])
  await history.ack(send, [acked, 'never given'])
  await history.nack(send, [await receipt(bench)], 0)
  await history.extend(send, [await receipt(bench)], 1)
  t.same(await history.judge(send, { whole: false }), [])
  t.same(await history.judge(send, WHOLE), [])
  t.same(await history.judge(send, WHOLE), [])
})

t.test('dead letters and redriven events are no violations', async (t) => {
  const bench = await setUp(t)
  const { history, send } = bench
  for (let lease = 1; lease <= 2; lease++) await history.nack(send, [await receipt(bench)])
  t.same(await history.judge(send, WHOLE), [])
  await history.redrive(send)
  t.same(await history.judge(send, WHOLE), [])
})

t.test('a submission that was cut off may be stored or not; its retry settles it', async (t) => {
  for (const isDone of [true, false]) {
    const { history, send } = await setUp(t)
    t.equal(await history.submit(cutting(send, isDone), 'g', formula('G', 7)), null)
    t.equal(await history.submit(cutting(send, isDone), 'h', [formula('H', 7), formula('I', 8)], 'skip'), null)
    t.same(await history.judge(send, WHOLE), [])
  }
})

t.test('an ack that was cut off may have taken effect or not', async (t) => {
  for (const isDone of [true, false]) {
    const bench = await setUp(t)
    const { history, send, service } = bench
    const taken = await receipt(bench, 1)
    if (isDone) await service.app.queue.ack([taken])
    await history.ack(() => Promise.reject(new Error('cut')), [taken])
    t.same(await history.judge(send, WHOLE), [])
  }
})

t.test('in a history as of an earlier tick, later requests are unknown or were never sent', async (t) => {
  const { history, send } = await setUp(t)
  const before = history.tick
  const reply = history.submit(send, 'g', formula('G', 7))
  const sent = history.tick
  await reply
  t.same(await history.asOf(before, sent).judge(send, { whole: false }), [])
  t.match(await history.asOf(before).judge(send, WHOLE), [/stored, and sent by nobody: G/])
})
