import t from 'tap'
import { formula, submission } from '../contract/submissions.ts'
import { openEngine } from '../support/postgres/engines.ts'
import { query, startPostgres } from '../support/postgres/server.ts'

t.test('every committed batch is reported with its size and duration; a failed one is not', async (t) => {
  const server = await startPostgres({ durable: false })
  t.teardown(() => server.stop())
  const url = await server.createDatabase()
  const told: { submissions: number; seconds: number }[] = []
  const onCommit = (submissions: number, seconds: number): void => void told.push({ submissions, seconds })
  const { intake, db } = await openEngine(t, url, { onCommit })
  const many = Array.from({ length: 40 }, (_, number) => submission([formula(`f${number}`, `${number + 1}`)]))
  await Promise.all(many.map((one) => intake.accept(one)))
  const all = told.reduce((sum, { submissions }) => sum + submissions, 0)
  t.equal(all, 40)
  t.ok(told.length < 40, `${told.length} batches`)
  t.ok(told.every(({ seconds }) => seconds > 0 && seconds < 60))
  await db.add('1', submission([formula('saga', '99')]))
  t.match(told.at(-1), { submissions: 1 }, 'the first step of a saga as well')
  const before = told.length
  await query(url, `ALTER TABLE formula_intake.formulas ADD CONSTRAINT none CHECK (document = '') NOT VALID`)
  await t.rejects(intake.accept(submission([formula('refused', '100')])))
  t.equal(told.length, before)
})
