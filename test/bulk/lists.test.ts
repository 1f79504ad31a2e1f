import { hash } from 'node:crypto'
import { test } from 'tap'
import type { Row } from '../../src/bulk/files/row.ts'
import { intoLists, LIST_BYTES, LIST_LENGTH, type List } from '../../src/bulk/upload.ts'

const row = (line: number, json = `{"n":${line}}`): Row => ({ line, json })
const rows = (count: number): Row[] => Array.from({ length: count }, (_, index) => row(index + 1))

async function lists(entries: Row[], chunk: number, stop = new AbortController()): Promise<List[]> {
  async function* chunks() {
    for (let start = 0; start < entries.length; start += chunk) yield entries.slice(start, start + chunk)
  }
  return Array.fromAsync(intoLists(chunks(), stop.signal))
}

test('the same file gives the same lists under the same keys, however it arrives', async (t) => {
  const once = await lists(rows(250), 250)
  t.same(
    once.map(({ rows }) => rows.length),
    [LIST_LENGTH, LIST_LENGTH, 50],
  )
  for (const chunk of [1, 7, 100]) t.same(await lists(rows(250), chunk), once)
  for (const { body, key, rows } of once) {
    t.equal(body, `[${rows.map(({ json }) => json).join(',')}]`)
    t.equal(key, `import-${hash('sha256', body)}`)
  }
})

test('a list stays below the body limit, unless a single formula exceeds it', async (t) => {
  const large = (line: number) => row(line, JSON.stringify('x'.repeat(LIST_BYTES * 0.4)))
  const huge = row(9, JSON.stringify('x'.repeat(LIST_BYTES * 2)))
  const found = await lists([large(1), large(2), large(3), huge, large(4)], 5)
  t.same(
    found.map(({ rows }) => rows.map(({ line }) => line)),
    [[1, 2], [3], [9], [4]],
  )
})

test('when stopped, it leaves the rows of an incomplete list for the next run', async (t) => {
  for (const after of [[], [[row(151)]]]) {
    const stop = new AbortController()
    async function* chunks() {
      yield rows(150)
      stop.abort()
      yield* after
    }
    const found = await Array.fromAsync(intoLists(chunks(), stop.signal))
    t.same(
      found.map(({ rows }) => rows.length),
      [LIST_LENGTH],
    )
  }
})

test('the file is read only as far as lists are requested', async (t) => {
  let read = 0
  async function* chunks() {
    for (;;) yield Array.from({ length: 10 }, () => row(++read))
  }
  const endless = intoLists(chunks(), new AbortController().signal)
  for (const count of [1, 2, 3]) {
    await endless.next()
    t.ok(read <= count * LIST_LENGTH + 10, `${read} rows for ${count} lists`)
  }
})
