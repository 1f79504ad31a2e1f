import { type Test, test } from 'tap'
import { openNatsSink } from '../../src/outbox/nats-sink.ts'
import { type SinkReceiver, sinkContract } from '../contract/sink.ts'
import { idOf } from '../contract/submissions.ts'
import { formula, formulasOf, startService } from '../support/http/service.ts'
import { killWhileForwarding } from '../support/killed-while-forwarding.ts'
import { SUBJECT, startNats, streamOf } from '../support/nats.ts'
import { startPostgres } from '../support/postgres/server.ts'
import { messages } from '../support/receiver.ts'
import { until } from '../support/until.ts'

const NEVER = new AbortController().signal
const urlOf = ({ port }: { port: number }) => new URL(`nats://127.0.0.1:${port}/${SUBJECT}`)

/** A server of NATS with a stream for the subject. */
async function natsReceiver(t: Test): Promise<SinkReceiver> {
  const [server] = await startNats(t)
  if (server === undefined) throw new Error('no server')
  const stream = streamOf([server])
  await stream.make()
  return {
    open: async () => openNatsSink(urlOf(server)),
    accept() {
      server.thaw()
      return stream.limit({})
    },
    throttle: () => stream.limit({ max_bytes: 1 }),
    throttleSome: () => stream.limit({ max_msgs: 5 }),
    refusePoison: () => stream.limit({ max_msg_size: 1000 }),
    hang: server.freeze,
    stop: server.kill,
    start: server.start,
    taken: () => stream.events(),
    dropsRepeats: true,
  }
}

sinkContract('NATS', natsReceiver)

test('a message is a CloudEvent that says so, with the id of the formula as Nats-Msg-Id', async (t) => {
  const servers = await startNats(t)
  const stream = streamOf(servers)
  await stream.make()
  const sink = openNatsSink(urlOf(servers[0] as { port: number }))
  t.teardown(() => sink.close())
  t.same(await sink.send(messages('ab'), NEVER), [{ kind: 'taken' }, { kind: 'taken' }])
  t.same(await sink.send(messages('b'), NEVER), [{ kind: 'taken' }], 'a repeat is acknowledged')
  const [first, second, ...others] = await stream.messages()
  t.same(others, [], 'and dropped')
  t.same(
    [first?.string(), second?.string()],
    messages('ab').map(({ json }) => json),
  )
  t.equal(first?.header.get('Nats-Msg-Id'), idOf('a'))
  t.equal(first?.header.get('Content-Type'), 'application/cloudevents+json')
})

test('without a stream for the subject the sink is away, and no event is at fault', async (t) => {
  const servers = await startNats(t)
  const sink = openNatsSink(urlOf(servers[0] as { port: number }))
  t.teardown(() => sink.close())
  t.match(await sink.send(messages('a'), NEVER), [{ kind: 'failed' }])
  await streamOf(servers).make()
  t.match(await sink.send(messages('a'), NEVER), [{ kind: 'taken' }])
})

test('of three servers the leader is killed with -9: nothing is lost, and nothing comes twice', async (t) => {
  const servers = await startNats(t, 3)
  const stream = streamOf(servers)
  await stream.make(3)
  const { app, submit } = await startService(t, { FORWARD_TO: `${urlOf(servers[0] as { port: number })}#nats` })
  const ids: string[] = []
  for (let list = 0; list < 6; list++) {
    const formulas = Array.from({ length: 50 }, (_, index) => formula(list * 50 + index + 1))
    ids.push(...formulasOf(await submit(formulas)).map(({ id }) => id))
    if (list !== 2) continue
    // The others are known once it is connected.
    await until(async () => (await stream.events()).length > 0, 100)
    await (await stream.leader()).kill()
  }
  await until(async () => {
    const { ready, leased, delayed } = await app.queue.stats('nats')
    return ready + leased + delayed === 0
  })
  t.equal((await app.queue.stats('nats')).dead, 0)
  t.same((await stream.events()).map(({ id }) => id).sort(), ids.sort())
})

/** More than the buffers of a connection hold. */
const LARGE = Array.from({ length: 30 }, (_, index) => ({ id: `${index}`, json: ' '.repeat(1_000_000) }))

for (const [does, sent] of [
  ['answers', messages('b')],
  ['reads', LARGE],
] as const) {
  test(`a server that no longer ${does} is left for another`, async (t) => {
    const servers = await startNats(t, 3)
    const stream = streamOf(servers)
    await stream.make(3)
    const sink = openNatsSink(urlOf(servers[0] as { port: number }))
    t.teardown(() => sink.close())
    t.match(await sink.send(messages('a'), NEVER), [{ kind: 'taken' }])
    await servers[0]?.freeze()
    t.match(await sink.send([...sent], NEVER), Array(sent.length).fill({ kind: 'failed' }))
    const end = Date.now() + 60_000
    await until(async () => Date.now() > end || (await sink.send(messages('b'), NEVER))[0]?.kind === 'taken')
    t.ok(Date.now() < end)
  })
}

test('a server that wakes up gets the events, and attempts to connect meanwhile leave no socket', async (t) => {
  const servers = await startNats(t)
  await streamOf(servers).make()
  const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
  const [server] = servers
  const sink = openNatsSink(urlOf(server as { port: number }))
  t.teardown(() => sink.close())
  const before = sockets()
  await server?.freeze()
  for (const name of 'abc') await t.rejects(sink.send(messages(name), NEVER), { name: 'TimeoutError' })
  await until(() => sockets() <= before)
  server?.thaw()
  t.match(await sink.send(messages('abc'), NEVER), Array(3).fill({ kind: 'taken' }))
})

test('three sinks and two consumers get every event while the service, PostgreSQL and NATS are killed with -9', async (t) => {
  const postgres = await startPostgres()
  t.teardown(() => postgres.stop())
  const servers = await startNats(t, 3)
  const stream = streamOf(servers)
  await stream.make(3)
  const leader = await stream.leader()
  // The server in the URL has to be there when the service starts again.
  const other = servers.find((server) => server !== leader) as { port: number }
  await killWhileForwarding(t, {
    databaseUrl: await postgres.createDatabase(),
    others: [{ url: `${urlOf(other)}#nats`, taken: async () => (await stream.events()).map(({ id }) => id) }],
    async harm() {
      await leader.kill()
      await until(() => stream.leader().then(Boolean, () => false), 100)
      await postgres.restartImmediately()
    },
  })
})
