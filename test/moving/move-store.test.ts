import t, { type Test } from 'tap'
import { MoveDiffers, moveStore, type Progress } from '../../src/stores/move/move-store.ts'
import type { NewFormula, Submission } from '../../src/stores/ports.ts'
import { openPostgres } from '../../src/stores/postgres/engine.ts'
import { openSqlite } from '../../src/stores/sqlite/engine.ts'
import { DEFAULT, lease } from '../contract/leasing.ts'
import { again, formula, listed, namesIn, submission, TRACEPARENT } from '../contract/submissions.ts'
import { FORMULAS, filledFile, OPTIONS } from '../support/filled-file.ts'
import { query, startPostgres } from '../support/postgres/server.ts'
import { createShadows, hasShadowRun } from '../support/postgres/shadows.ts'
import { openInProcess } from '../support/sqlite-in-process.ts'

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())

const SILENT: Progress = { begin() {}, add() {}, end() {} }

/** Progress that breaks off when the last of `pages` pages has been copied. */
function breakingAfter(pages: number): Progress {
  let left = pages
  return {
    ...SILENT,
    add() {
      if (--left === 0) throw new Error('interrupted')
    },
  }
}

async function checkMoved(
  t: Test,
  url: string,
  { clock, list, refused, expired }: Awaited<ReturnType<typeof filledFile>>,
) {
  const { intake, db, idempotency, queue, close } = await openPostgres(url, { clock, ...OPTIONS })
  t.teardown(() => close())
  const kept = async ({ caller, key }: Submission) => idempotency.find(caller, key)
  t.match(await kept(list), { submissionId: list.id, answer: { status: 200 } })
  t.match(await intake.accept(again(refused)), { submissionId: refused.id, answer: { status: 409 } })
  t.equal(await kept(expired), null)
  t.same(namesIn((await listed(db, { limit: 2 })).items), [`Rose ${FORMULAS - 4}`, `Rose ${FORMULAS - 5}`])
  const [first] = list.formulas
  t.match((await listed(db, { limit: 1, searchPrefix: 'first' })).items, [{ id: first?.id, document: first?.document }])
  t.match(await intake.accept(submission([formula('twin', '2')])), { answer: { status: 409 } })
  t.match(await intake.accept(submission([formula('new', '1', 'Hedione')])), { answer: { status: 200 } })
  t.same(namesIn((await listed(db, { limit: 1 })).items), ['new'])
  t.match(await queue.stats(DEFAULT), { ready: FORMULAS - 2, leased: 0, delayed: 1, dead: 1 })
  const { items: dead } = await queue.dead(DEFAULT, 10)
  t.match(dead, [{ receiveCount: 2, reason: 'nacked', body: TRACEPARENT }])
  const [leased, back, next] = await lease(queue, 3)
  t.match(
    [leased, back, next],
    [
      { body: TRACEPARENT, receiveCount: 2 },
      { body: 'Rose 1', receiveCount: 2 },
      { body: 'Rose 2', receiveCount: 1 },
    ],
  )
}

t.test('a SQLite file is moved whole: formulas, answers, and events in every state', async (t) => {
  const filled = await filledFile(t)
  const to = await server.createDatabase()
  await createShadows(to)
  const moved = await moveStore({ from: filled.path, to, now: filled.clock.now(), progress: SILENT })
  t.same(moved, { kind: 'whole', formulas: FORMULAS, answers: FORMULAS - 1, events: FORMULAS })
  t.notOk(await hasShadowRun(to), 'its statements name the schema of what they call')
  await checkMoved(t, to, filled)
})

t.test('the state of a submission is moved, with the ids of formulas that were erased', async (t) => {
  const { path, clock, list } = await filledFile(t)
  const source = openInProcess(path, { clock, ...OPTIONS })
  const id = list.formulas[0]?.id ?? ''
  t.equal(await source.intake.erase(id), true)
  const state = await source.idempotency.status(list.caller, list.key)
  t.match(state, { submittedAt: list.createdAt, status: 200, formulaIds: list.formulas.map((one) => one.id) })
  await source.close()
  const to = await server.createDatabase()
  await moveStore({ from: path, to, now: clock.now(), progress: SILENT })
  const { idempotency, close } = await openPostgres(to, { clock, ...OPTIONS })
  t.teardown(() => close())
  t.same(await idempotency.status(list.caller, list.key), state)
})

t.test('a move that is interrupted, wherever, goes on when it is run again', async (t) => {
  const filled = await filledFile(t)
  const options = { from: filled.path, to: await server.createDatabase(), now: filled.clock.now() }
  for (const pages of [1, 2, 2, 3, 4, 6]) {
    await t.rejects(moveStore({ ...options, progress: breakingAfter(pages) }), /interrupted/)
    await t.rejects(openPostgres(options.to, { clock: filled.clock, ...OPTIONS }), /being moved to this database/)
  }
  t.match(await moveStore({ ...options, progress: SILENT }), { kind: 'whole', formulas: FORMULAS })
  await checkMoved(t, options.to, filled)
})

t.test('while the service runs on the file its formulas are copied, and the rest when it has stopped', async (t) => {
  const filled = await filledFile(t)
  const options = { from: filled.path, to: await server.createDatabase(), now: filled.clock.now(), progress: SILENT }
  const running = await openSqlite(filled.path, { clock: filled.clock, ...OPTIONS })
  t.same(await moveStore(options), { kind: 'partly', formulas: FORMULAS })
  await running.intake.accept(submission([formula('meanwhile', '7', 'Hedione')]))
  await running.close()
  t.match(await moveStore(options), { kind: 'whole', formulas: FORMULAS + 1, events: FORMULAS + 1 })
})

t.test('a formula that was copied and then erased is erased from the copy too, and may be stored again', async (t) => {
  const { path, clock, list } = await filledFile(t)
  const options = { from: path, to: await server.createDatabase(), now: clock.now(), progress: SILENT }
  const running = await openSqlite(path, { clock, ...OPTIONS })
  t.match(await moveStore(options), { kind: 'partly' })
  const [gone, back] = list.formulas as [NewFormula, NewFormula]
  for (const { id } of [gone, back]) t.equal(await running.intake.erase(id), true)
  const renewed = { ...back, document: JSON.stringify({ name: 'back' }) }
  t.match(await running.intake.accept(submission([renewed])), { answer: { status: 200 } })
  t.match(await moveStore(options), { kind: 'partly' })
  await running.close()
  t.match(await moveStore(options), { kind: 'whole', formulas: FORMULAS - 1 })
  const { db, close } = await openPostgres(options.to, { clock, ...OPTIONS })
  t.teardown(() => close())
  t.equal(await db.get(gone.id), null)
  t.match(await db.get(back.id), { document: renewed.document })
})

t.test('a copy that is not the same is told, and no service starts on it', async (t) => {
  const { path, clock } = await filledFile(t)
  const options = { from: path, to: await server.createDatabase(), now: clock.now() }
  await t.rejects(moveStore({ ...options, progress: breakingAfter(3) }), /interrupted/)
  await query(options.to, `UPDATE formula_intake.formulas SET document = '{}' WHERE seq = 5`)
  await t.rejects(moveStore({ ...options, progress: SILENT }), MoveDiffers)
  await t.rejects(openPostgres(options.to, { clock, ...OPTIONS }), /being moved to this database/)
})

t.test('nothing is moved into a database that is in use, nor twice', async (t) => {
  const { path, clock } = await filledFile(t)
  const options = { from: path, to: await server.createDatabase(), now: clock.now(), progress: SILENT }
  const { intake, close } = await openPostgres(options.to, { clock, ...OPTIONS })
  await intake.accept(submission([formula('own')]))
  await close()
  await t.rejects(moveStore(options), /not empty/)
  const empty = { ...options, to: await server.createDatabase() }
  await moveStore(empty)
  await t.rejects(moveStore(empty), /already been moved/)
})

t.test('a file with unfinished submissions is not moved', async (t) => {
  const { path, clock } = await filledFile(t)
  const { db, close } = openInProcess(path, { clock, ...OPTIONS })
  await db.add('1', submission([formula('half', '8', 'Hedione')]))
  await close()
  const options = { from: path, to: await server.createDatabase(), now: clock.now(), progress: SILENT }
  await t.rejects(moveStore(options), /unfinished/)
})
