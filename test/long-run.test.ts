import { test } from 'tap'
import { allGood, begin, chosenParts, type PartResult, resumable, summary } from './faults/report.ts'

const ALL = ['calls', 'kill', 'power']

const good = (figure: string, by: number, day = '2026-01-01'): PartResult => ({
  isGood: true,
  seconds: 60,
  day,
  record: `${JSON.stringify({ figure, by })}\n`,
})

test('a long run that was interrupted goes on with the parts that are not done, or not well', async (t) => {
  const state = begin('a', 1)
  t.same(chosenParts(ALL, [], state, false), ALL)
  state.parts = { calls: good('faults', 5), kill: { ...good('killsSaga', 1), isGood: false } }
  t.same(chosenParts(ALL, [], state, true), ['kill', 'power'])
  t.same(chosenParts(ALL, ['calls'], state, false), ['calls'], 'a part that is named is run again')
  t.notOk(allGood(ALL, state))
})

test('parts of a long run on other code are not added to it', async (t) => {
  const state = begin('a', 1)
  t.equal(resumable(state, 'a'), state)
  t.equal(resumable(state, 'b'), null)
  t.equal(resumable(null, 'a'), null)
})

test('the figures of all parts of a long run are added up', async (t) => {
  const parts = { calls: good('faults', 5), kill: good('faults', 3, '2026-01-02'), power: good('powerCuts', 2) }
  const state = { ...begin('a', 7), parts }
  t.ok(allGood(ALL, state))
  const { run } = summary(state)
  t.match(run, { seed: 7, seconds: 180, day: '2026-01-02' })
  t.same(Object.fromEntries(run.counted), { faults: 8, powerCuts: 2 })
})
