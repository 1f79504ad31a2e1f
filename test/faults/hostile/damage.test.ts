import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { StoreRefused } from '../../../src/errors/store-errors.ts'
import { Batches } from '../../../src/stores/sqlite/batches.ts'
import { readCommands, writeCommands } from '../../../src/stores/sqlite/commands.ts'
import { openForReading, openForWriting } from '../../../src/stores/sqlite/durability/file.ts'
import { type Call, type CallResult, pack } from '../../../src/stores/sqlite/messages.ts'
import { PAGE_SIZE } from '../../../src/stores/sqlite/schema.ts'
import { DEFAULT } from '../../contract/leasing.ts'
import { formula, submission } from '../../contract/submissions.ts'
import { chance, seed, sized } from '../extent.ts'
import { count } from '../figures.ts'
import { FILE, makeFiles } from './damaged-file.ts'

t.setTimeout(600_000)

const LATE = Number.POSITIVE_INFINITY
const now = Date.now()

const READS: Call[] = [
  ['list', now, [{ limit: 200 }], LATE],
  ['list', now, [{ limit: 200, searchPrefix: 'formula 1' }], LATE],
  ['get', now, [formula('Formula 6', '7').id], LATE],
]

const writes = (): Call[] => [
  ['find', now, ['', 'key-7'], LATE],
  ['accept', now, [pack(submission([formula('New', '0.125')]))], LATE],
  ['accept', now, [pack(submission([formula('Known', '3')]))], LATE],
  ['receive', now, [DEFAULT, 100, 60_000], LATE],
  ['stats', now, [DEFAULT], LATE],
  ['dead', now, [DEFAULT, 50], LATE],
  ['endLeases', now, [DEFAULT, [formula('Formula 6', '7').id]], LATE],
  ['redrive', now, [DEFAULT], LATE],
  ['subscribe', now, ['other', now - 1], LATE],
  ['receive', now, ['other', 100, 60_000], LATE],
  ['subscriptions', now, [], LATE],
  ['seek', now, [DEFAULT, 'start'], LATE],
  ['eraseEvent', now, [formula('Formula 9', '10').id, 19], LATE],
  ['startErasure', now, ['erasure', formula('Formula 8', '9').id], LATE],
  ['eraseFormula', now, [formula('Formula 9', '10').id], LATE],
  ['trim', now, [now + 1, 100], LATE],
  ['dueCleanups', now, [100], LATE],
  ['listCleanups', now, [100], LATE],
  ['sweepAnswers', now + 90_000_000, [1000], LATE],
  ['complete', now, ['attempt'], LATE],
]

/** Makes every kind of call. @returns the answers that are neither a result nor a store error */
function work(writer: DatabaseSync, reader: DatabaseSync): unknown[] {
  const reading = new Batches(reader, { commands: readCommands(reader), begin: 'BEGIN' })
  const written = writeCommands(writer, { answerTtlMs: 86_400_000, maxReceives: 1 })
  const writing = new Batches(writer, { ...written, begin: 'BEGIN IMMEDIATE' })
  const results = [...reading.run(READS), ...writes().flatMap((call) => writing.run([call])), ...reading.run(READS)]
  return results.filter((result) => !isSound(result))
}

function isSound(result: CallResult): boolean {
  if ('error' in result) return typeof result.error === 'string'
  if ('unknownSubscription' in result) return typeof result.unknownSubscription === 'string'
  const { items = [] } = (result.value ?? {}) as { items?: Record<string, unknown>[] }
  return items.every(({ id, document, body }) => typeof (document ?? body) === 'string' && /^[0-9a-f]*$/.test(`${id}`))
}

t.test(
  'whatever bytes are damaged, the file is refused unchanged, or every call returns a result or an error',
  async (t) => {
    const { stopped } = await makeFiles(t.testdir())
    const whole = readFileSync(join(stopped, FILE))
    const { integer, oneOf } = chance(53)
    const faults: unknown[] = []
    const rounds = sized(150, 4_000)
    let refused = 0
    for (let round = 0; round < rounds; round++) {
      const folder = join(t.testdirName, `round-${round}`)
      mkdirSync(folder)
      const path = join(folder, FILE)
      const content = Buffer.from(whole)
      const how = oneOf(['bytes', 'a run', 'a page', 'another page', 'a cut'])
      const at = integer(0, whole.length - 1)
      const page = at - (at % PAGE_SIZE)
      if (how === 'bytes') for (let more = 0; more < 8; more++) content[integer(0, whole.length - 1)] = integer(0, 255)
      if (how === 'a run') content.fill(integer(0, 255), at, Math.min(at + integer(1, 200), content.length))
      if (how === 'a page') content.fill(oneOf([0, 0xff]), page, page + PAGE_SIZE)
      if (how === 'another page')
        content.copy(content, page, PAGE_SIZE * integer(0, whole.length / PAGE_SIZE - 1), undefined)
      writeFileSync(path, how === 'a cut' ? content.subarray(0, at) : content)
      const before = readFileSync(path)
      const fault = tryOn(path)
      if (fault === 'refused') {
        refused++
        if (!readFileSync(path).equals(before)) faults.push({ seed, round, how, at, fault: 'not left as it was' })
      } else if (fault !== null) faults.push({ seed, round, how, at, fault })
      rmSync(folder, { recursive: true })
    }
    t.same(faults, [], `${rounds} damaged files, ${refused} of them refused`)
    count('badInputs', rounds)
  },
)

function tryOn(path: string): unknown {
  let writer: DatabaseSync | undefined
  try {
    writer = openForWriting(path)
    const reader = openForReading(path)
    const unsound = work(writer, reader)
    reader.close()
    return unsound.length === 0 ? null : unsound
  } catch (error) {
    return error instanceof StoreRefused && !error.message.includes('\n') ? 'refused' : String((error as Error).stack)
  } finally {
    if (writer?.isOpen) writer.close()
  }
}

t.test('damage while the service runs causes store errors, never wrong results', async (t) => {
  const { stopped } = await makeFiles(t.testdir())
  const { integer } = chance(54)
  const faults: unknown[] = []
  const rounds = sized(40, 1_000)
  for (let round = 0; round < rounds; round++) {
    const path = join(t.testdirName, `${round}.db`)
    copyFileSync(join(stopped, FILE), path)
    const writer = openForWriting(path)
    const reader = openForReading(path)
    const content = readFileSync(path)
    for (let page = 1; page < content.length / PAGE_SIZE; page++) {
      if (integer(1, 100) <= 30) content.fill(oneByte(integer(0, 2)), page * PAGE_SIZE, (page + 1) * PAGE_SIZE)
    }
    writeFileSync(path, content)
    try {
      const unsound = work(writer, reader)
      if (unsound.length > 0) faults.push({ seed, round, unsound })
    } catch (error) {
      const isOfSqlite = 'errcode' in (error as object)
      if (!isOfSqlite) faults.push({ seed, round, error: String((error as Error).stack) })
    }
    reader.close()
    writer.close()
    rmSync(path)
  }
  t.same(faults, [], `${rounds} files`)
  count('badInputs', rounds)
})

const oneByte = (kind: number): number => [0, 0xff, 0x20][kind] as number
