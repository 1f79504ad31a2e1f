import { linkSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { formula, post } from '../../process/service-process.ts'
import { sized } from '../extent.ts'
import { runServer, startServer } from './server.ts'

t.setTimeout(600_000)

const environment = (path: string, queue?: string): Record<string, string> => ({
  DATABASE_URL: `sqlite:${path}`,
  ...(queue === undefined ? {} : { QUEUE_URL: `sqlite:${queue}` }),
})

async function refused(t: Test, database: string, reason: RegExp, queue?: string): Promise<void> {
  const { code, stderr, stdout } = await runServer(t, { environment: environment(database, queue) })
  t.match({ code, stderr }, { code: 1, stderr: [reason] })
  t.equal(stderr.length, 1)
  t.notMatch(stdout.join(), /listening/)
}

t.test('of two processes that start at the same moment on a fresh file exactly one serves', async (t) => {
  const folder = t.testdir()
  for (let round = 0; round < sized(3, 20); round++) {
    const path = join(folder, `${round}.db`)
    const starts = [0, 1].map(() => startServer(t, { environment: environment(path) }))
    const ends = await Promise.allSettled(starts)
    const serving = ends.filter((end) => end.status === 'fulfilled').map(({ value }) => value)
    const reasons = ends.filter((end) => end.status === 'rejected').map(({ reason }) => String(reason))
    t.equal(serving.length, 1, `round ${round}`)
    t.match(reasons, [/in use by another process/])
    t.equal((await post(serving[0]?.url as string, 'k', formula(1))).status, 200)
    await serving[0]?.kill('SIGKILL')
  }
})

t.test('a file that is served is refused to others by any name, as database and as queue', async (t) => {
  const folder = t.testdir({ sub: {} })
  const at = (name: string): string => join(folder, name)
  await startServer(t, { environment: environment(at('a.db'), at('q.db')) })
  symlinkSync(at('a.db'), at('link.db'))
  symlinkSync(folder, at('sub/up'))
  const inUse = /in use by another process/
  await Promise.all([
    refused(t, `${folder}/./sub/../a.db`, inUse),
    refused(t, at('link.db'), inUse),
    refused(t, at('sub/up/a.db'), inUse),
    refused(t, at('q.db'), inUse),
    refused(t, at('other.db'), inUse, at('a.db')),
    refused(t, at('another.db'), inUse, at('q.db')),
  ])
})

t.test(
  'a file that links lead to before it is there is refused to a second process, by each of its names',
  async (t) => {
    const folder = t.testdir({ data: {} })
    const at = (name: string): string => join(folder, name)
    symlinkSync('data/a.db', at('link.db'))
    symlinkSync(at('link.db'), at('data/link.db'))
    symlinkSync('data', at('folder'))
    await startServer(t, { environment: environment(at('data/link.db')) })
    const inUse = /in use by another process/
    for (const name of ['link.db', 'data/link.db', 'data/a.db', 'folder/a.db']) await refused(t, at(name), inUse)
  },
)

t.test('a file with a second name is refused: each name would have a lock and a log of its own', async (t) => {
  const path = join(t.testdir(), 'a.db')
  await (await startServer(t, { environment: environment(path) })).kill('SIGTERM')
  linkSync(path, `${path}.too`)
  await refused(t, path, /a second name \(a hard link\)/)
  await refused(t, `${path}.too`, /a second name \(a hard link\)/)
})
