import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { COMMIT_STRATEGIES, filesIn, scratch } from '../faults/stores.ts'
import { formulasOf, startService } from '../support/http/service.ts'

const MANY = 3_000
/** Longer than the writer waits before it writes its late indexes. */
const INDEXED_MS = 2_000

/** The words of a formula; none occurs in another. */
const words = (number: number) => {
  const word = `${(number * 7919) % 10_007}`.padStart(5, '0')
  return { name: `Name${word}x Secret`, material: `Material${word}x`, note: `Note${word}x` }
}

const secret = (number: number) => {
  const { name, material, note } = words(number)
  return { name, materials: [{ name: material, concentration: 1 }], metadata: { note } }
}

/** The words of erased formulas that are in some file of a folder. */
function foundIn(folder: string, numbers: number[]): string[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.flatMap(({ name, parentPath }) => {
    const bytes = readFileSync(join(parentPath, name)).toString('latin1').toLowerCase()
    const all = numbers.flatMap((number) => Object.values(words(number)))
    return all.filter((word) => bytes.includes(word.toLowerCase())).map((word) => `${word} in ${name}`)
  })
}

async function erasedBytes(t: Test, strategy: (typeof COMMIT_STRATEGIES)[number]): Promise<void> {
  const folder = scratch(t)
  const service = await startService(t, { ...filesIn(folder, strategy), EVENT_MAX_RECEIVES: '1' })
  const ids: string[] = []
  for (let first = 0; first < MANY; first += 500) {
    const list = Array.from({ length: 500 }, (_, n) => secret(first + n))
    ids.push(...formulasOf(await service.submit(list, { key: `list-${first}` })).map(({ id }) => id))
  }
  const receive = async (max: number): Promise<string[]> =>
    (await service.post('/events/receive', { max })).json().events.map(({ receipt }: { receipt: string }) => receipt)
  await service.post('/events/ack', { receipts: await receive(10) })
  await service.post('/events/nack', { receipts: await receive(10) })
  await receive(10)
  await setTimeout(INDEXED_MS)
  const indexed = [1, 11, 21, 31, 1_000, 1_777, 2_900]
  const late = formulasOf(await service.submit([secret(MANY), secret(MANY + 1)]))
  ids.push(...late.map(({ id }) => id))
  const erased = [...indexed, MANY]
  t.equal(foundIn(folder, erased).length > 0, true)
  for (const number of erased) {
    const { statusCode } = await service.send({ method: 'DELETE', url: `/formulas/${ids[number]}` })
    t.equal(statusCode, 204)
  }
  t.same(foundIn(folder, erased), [], 'while the service runs')
  await setTimeout(INDEXED_MS)
  t.same(foundIn(folder, erased), [], 'after the writer was idle')
  await service.app.close()
  t.same(foundIn(folder, erased), [], 'after it has closed its files')
  t.ok(foundIn(folder, [2]).length > 0)
}

for (const strategy of COMMIT_STRATEGIES) {
  test(`${strategy}: nothing of an erased formula is left in any file`, (t) => erasedBytes(t, strategy))
}
