import t from 'tap'
import { query, startPostgres } from '../support/postgres/server.ts'
import { post, startService } from '../support/service-process.ts'

t.setTimeout(120_000)

const NAME = 'Secret of the House'
const MATERIAL = 'Unobtainium Absolute'

/** PostgreSQL quotes the row that it refuses, and the statement it stood in. */
const REFUSE_ALL = `ALTER TABLE formula_intake.formulas ADD CONSTRAINT none CHECK (document = '') NOT VALID`

t.test('no log line contains what PostgreSQL quotes of a formula that it refuses', async (t) => {
  const server = await startPostgres({ durable: false })
  t.teardown(() => server.stop())
  const url = await server.createDatabase()
  t.testdir()
  const service = await startService(t, { DATABASE_URL: url, LOG_LEVEL: 'trace', SUBMIT_RETRY_BASE_MS: '1' })
  await query(url, REFUSE_ALL)
  const body = { name: NAME, materials: [{ name: MATERIAL, concentration: '12.5' }] }
  t.equal((await post(service.url, 'secret-order', body)).status, 503)
  const { stdout, stderr } = await service.kill('SIGTERM')
  const attempts = stdout.map((line) => JSON.parse(line)).filter(({ msg }) => msg.startsWith('An attempt'))
  t.equal(attempts.length, 3)
  t.match(attempts[0], {
    submission: /^[\w-]{36}$/,
    err: { message: /^PostgreSQL: new row .* violates check constraint "none"$/, cause: { code: '23514' } },
  })
  const said = [...stdout, ...stderr]
  const { username, password } = new URL(url)
  for (const secret of [NAME, MATERIAL, 'secret-order', ...(password ? [`${username}:${password}`] : [])]) {
    t.same(
      said.filter((line) => line.includes(secret)),
      [],
      secret,
    )
  }
})
