import { test } from 'tap'
import { digestOf } from '../../src/access/api-key.ts'
import { startGuarded } from './keys.ts'
import { formula } from './service.ts'

test('each refused call is one line in the log: who, what and why, and no secret', async (t) => {
  const lines: string[] = []
  const logger = { level: 'info', stream: { write: (line: string) => void lines.push(line) } }
  const service = await startGuarded(t, { RATE_LIMIT_PER_MINUTE: '2' }, { logger })
  const { get, as, reader, submitter, secrets } = service
  const wrong = 'ffi_of-someone-else'
  await get('/formulas/secret?name=secret')
  await as(wrong).get('/nope')
  await reader.get('/cleanups')
  for (const number of [1, 2, 3]) await submitter.submit(formula(number))
  const refused = lines.filter((line) => line.includes('A call was refused')).map((line) => JSON.parse(line))
  const id = (secret: string) => digestOf(secret).slice(0, 12)
  t.match(refused, [
    { level: 40, code: 'UNAUTHORIZED', caller: '', ip: '127.0.0.1', method: 'GET', route: '/formulas/:id' },
    { code: 'UNAUTHORIZED', caller: '', method: 'GET' },
    { code: 'FORBIDDEN', caller: 'read', key: id(secrets.read), method: 'GET', route: '/cleanups' },
    { code: 'RATE_LIMITED', caller: 'submit', key: id(secrets.submit), method: 'POST', route: '/formulas' },
  ])
  t.equal(refused.length, 4)
  for (const { reqId } of refused) t.match(reqId, /^[\da-f-]{36}$/)
  for (const secret of [wrong, 'secret', ...Object.values(secrets)]) t.notMatch(lines.join(), secret)
})

test('at debug each answered call is logged with its caller and the id of its key', async (t) => {
  const lines: string[] = []
  const logger = { level: 'debug', stream: { write: (line: string) => void lines.push(line) } }
  const { reader, secrets } = await startGuarded(t, { LOG_LEVEL: 'debug' }, { logger })
  await reader.get('/formulas')
  const answered = lines.find((line) => line.includes('"answered"')) ?? ''
  t.match(JSON.parse(answered), { caller: 'read', key: digestOf(secrets.read).slice(0, 12), status: 200 })
  t.notMatch(lines.join(), secrets.read)
})
