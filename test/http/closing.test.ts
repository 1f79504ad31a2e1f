import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setImmediate as settle } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { type Test, test } from 'tap'
import { formula, startService } from '../support/http/service.ts'
import { deaf, open, PAGE, startWide } from '../support/http/wide-pages.ts'
import { TestClock } from '../support/test-clock.ts'
import { until } from '../support/until.ts'
import { holdingStores } from './fixtures.ts'

const PAGES = 3

const responsesOf = ({ connections }: FastifyInstance) =>
  [...connections.entries()].flatMap(([, { responses }]) => responses)

/** A service that was told to close while a client has not read yet what was sent to it: several pages. */
async function closingUnderWay(t: Test) {
  const service = await startWide(t)
  const { app, clock } = service
  const page = (await service.get('/formulas?limit=200')).body
  const client = await deaf(t, service, PAGES)
  await until(() => responsesOf(app).filter(({ headersSent }) => headersSent).length === PAGES)
  const closed = app.close()
  const pass = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      await settle()
      clock.advance(1_000)
    }
  }
  await pass(3)
  return { app, client, page, closed, pass }
}

test('answers that are under way when the service closes are read in full, and it has closed within a second after', async (t) => {
  const { app, client, page, closed, pass } = await closingUnderWay(t)
  const told = text(client)
  await until(() => app.connections.unread.taken === 0)
  await pass(1)
  await closed
  t.equal((await told).split(page).length - 1, PAGES)
})

test('an answer that nobody reads ends before the time to close does, which is 15 s beyond the longest submission', async (t) => {
  const { app, closed, pass } = await closingUnderWay(t)
  await pass(30)
  t.equal(app.connections.open, 1, 'the client may still read it')
  await pass(10)
  await closed
  t.equal(app.connections.unread.taken, 0)
})

test('behind answers that are under way, a request that comes after the close is refused, and ends the connection', async (t) => {
  const { client, page, closed } = await closingUnderWay(t)
  client.write(PAGE)
  const told = await text(client)
  await closed
  t.equal(told.split(page).length - 1, PAGES)
  t.match(told, /HTTP\/1.1 503 [^{]*\r\nconnection: close\r\n[^{]*\{[^{]*SERVICE_STOPPING/i)
})

test('a connection ends with the service though its last answer was ready before, behind one that was not', async (t) => {
  const { stores, release } = holdingStores()
  const clock = new TestClock()
  const service = await startService(t, {}, { stores, clock })
  const { app } = service
  const body = JSON.stringify(formula(1))
  const submission = `POST /formulas HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k\r\nContent-Type: application/json\r\n`
  const live = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const { socket, statuses } = await open(
    t,
    service,
    `${submission}Content-Length: ${body.length}\r\n\r\n${body}${live}`,
  )
  await until(() => responsesOf(app).at(1)?.headersSent === true)
  const closed = app.close()
  await settle()
  const ended = once(socket, 'end')
  release()
  await until(() => statuses.length === 2)
  clock.advance(1_000)
  await Promise.all([closed, ended])
  t.same(statuses, ['200', '200'])
})
