import t from 'tap'
import { cutting, formula, receipt, setUp } from './ledger/wrong-world.ts'

const WHOLE = { whole: true }

t.test('a service that keeps the promise is found to keep it, whatever its clients do', async (t) => {
  const bench = await setUp(t)
  const { ledger, send } = bench
  t.same(await ledger.judge(send, { whole: false }), [])
  await ledger.submit(send, '"a"', formula('A', 1))
  await ledger.submit(send, 'a', formula('another payload', 7))
  await Promise.all([ledger.submit(send, 'g', formula('G', 7)), ledger.submit(send, 'h', formula('H', 7))])
  await Promise.all([ledger.submit(send, 'i', formula('I', 8)), ledger.submit(send, 'i', formula('I', 8))])
  await ledger.look(send)
  const acked = await receipt(bench)
  await ledger.ack(send, [acked])
  await ledger.ack(send, [acked, 'never given'])
  await ledger.nack(send, [await receipt(bench)], 0)
  await ledger.extend(send, [await receipt(bench)], 1)
  t.same(await ledger.judge(send, { whole: false }), [])
  t.same(await ledger.judge(send, WHOLE), [])
  t.same(await ledger.judge(send, WHOLE), [])
})

t.test('dead letters and redriven events are found where they belong', async (t) => {
  const bench = await setUp(t)
  const { ledger, send } = bench
  for (let lease = 1; lease <= 2; lease++) await ledger.nack(send, [await receipt(bench)])
  t.same(await ledger.judge(send, WHOLE), [])
  await ledger.redrive(send)
  t.same(await ledger.judge(send, WHOLE), [])
})

t.test('what was cut off may be stored or not, and is settled by its retry', async (t) => {
  for (const isDone of [true, false]) {
    const { ledger, send } = await setUp(t)
    t.equal(await ledger.submit(cutting(send, isDone), 'g', formula('G', 7)), null)
    t.equal(await ledger.submit(cutting(send, isDone), 'h', [formula('H', 7), formula('I', 8)], 'skip'), null)
    t.same(await ledger.judge(send, WHOLE), [])
  }
})

t.test('an ack that was cut off may have taken effect or not', async (t) => {
  for (const isDone of [true, false]) {
    const bench = await setUp(t)
    const { ledger, send, service } = bench
    const taken = await receipt(bench, 1)
    if (isDone) await service.app.queue.ack([taken])
    await ledger.ack(() => Promise.reject(new Error('cut')), [taken])
    t.same(await ledger.judge(send, WHOLE), [])
  }
})

t.test('the record as it was earlier takes what came later for unknown or for never sent', async (t) => {
  const { ledger, send } = await setUp(t)
  const before = ledger.tick
  const reply = ledger.submit(send, 'g', formula('G', 7))
  const sent = ledger.tick
  await reply
  t.same(await ledger.asOf(before, sent).judge(send, { whole: false }), [])
  t.match(await ledger.asOf(before).judge(send, WHOLE), [/stored, and sent by nobody: G/])
})
