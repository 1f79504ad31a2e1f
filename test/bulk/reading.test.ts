import { type Test, test } from 'tap'
import { inUtf8 } from '../../src/bulk/files/encoding.ts'
import { readerOf } from '../../src/bulk/files/formats.ts'
import type { Entry, ReadFile } from '../../src/bulk/files/row.ts'
import { plainTable } from '../support/run-bulk.ts'

/** Reads a text. Chunk boundaries must not affect the result. */
async function read(t: Test, reader: ReadFile, content: string | Buffer): Promise<Entry[]> {
  const bytes = Buffer.from(content)
  const whole = await inChunks(reader, bytes, bytes.length)
  for (const size of [1, 2, 3, 7, 64]) t.same(await inChunks(reader, bytes, size), whole, `in chunks of ${size}`)
  return whole
}

async function inChunks(reader: ReadFile, bytes: Buffer, size: number): Promise<Entry[]> {
  async function* chunks() {
    for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
  }
  const entries: Entry[] = []
  for await (const some of reader(() => inUtf8(chunks()))) entries.push(...some)
  return entries
}

const ndjson = readerOf('ndjson', ',', plainTable)
const json = readerOf('json', ',', plainTable)
const csv = readerOf('csv', ',', plainTable)

const DIGITS = '123456789012.123456789012'
const LONG = `{"name":"A","materials":[{"name":"Rose","concentration":${DIGITS}}]}`
const B = '{"name":"B\\"]}","materials":[]}'

test('NDJSON: each line is a formula with its exact digits, whatever the line ending', async (t) => {
  t.same(await read(t, ndjson, `${LONG}\r\n\n  \t\r\n${B}\n`), [
    { line: 1, json: LONG },
    { line: 4, json: B },
  ])
  t.same(await read(t, ndjson, `\n${LONG}`), [{ line: 2, json: LONG }], 'the last line needs no end')
  t.match(await read(t, ndjson, `${LONG}\r${B}\r`), [{ line: 1 }, { line: 2, json: B }], 'CR alone')
  t.same(await read(t, ndjson, ''), [])
})

test('NDJSON: a line that is not JSON or not UTF-8 is reported by number, and the next ones are read', async (t) => {
  const bytes = Buffer.concat([Buffer.from(`{"name":\n${B} ${B}\n"`), Buffer.from([0xe9]), Buffer.from(`"\n${B}\n`)])
  const entries = await read(t, ndjson, bytes)
  t.match(entries, [
    { line: 1, problem: { code: 'UNREADABLE', message: /^This is not JSON/ } },
    { line: 2, problem: { message: /^This is not JSON/ } },
    { line: 3, problem: { message: /UTF-8/ } },
    { line: 4, json: B },
  ])
  t.equal(entries.length, 4)
})

test('a formula of more than 4 MiB is refused, and the next one is read', async (t) => {
  const huge = `{"name":"${'x'.repeat(5 * 1024 * 1024)}"}`
  const told = [
    { line: 1, problem: { message: /bytes/ } },
    { line: 2, json: B },
  ]
  t.match(await inChunks(ndjson, Buffer.from(`${huge}\n${B}`), 65_536), told)
  t.match(await inChunks(json, Buffer.from(`[${huge},\n${B}]`), 65_536), told)
})

test('a JSON array: each member is a formula, with its digits, on the line where it begins', async (t) => {
  t.same(await read(t, json, ` \n[\n${LONG},\r\n\n{\n"name":"[\\\\"\n}\n , "x",5 ]\n`), [
    { line: 3, json: LONG },
    { line: 5, json: '{\n"name":"[\\\\"\n}' },
    { line: 8, json: '"x"' },
    { line: 8, json: '5' },
  ])
  t.same(await read(t, json, '[]'), [])
  t.same(await read(t, json, ' [ ] '), [])
})

test('a truncated JSON array gives the formulas before the cut, and the line of the cut', async (t) => {
  const cut = /cut off/
  const isEnd = true
  t.match(await read(t, json, `[\n${LONG},\n\n{"name":"B`), [
    { json: LONG },
    { line: 4, isEnd, problem: { message: cut } },
  ])
  t.match(await read(t, json, `[\n${LONG},\n`), [{ json: LONG }, { line: 3, isEnd, problem: { message: cut } }])
  t.match(await read(t, json, `[\n${LONG}`), [{ line: 2, isEnd, problem: { message: cut } }])
  t.match(await read(t, json, `{"formulas":[\n${LONG}]`), [
    { json: LONG },
    { line: 2, isEnd, problem: { message: cut } },
  ])
})

test('a list from GET /formulas, and concatenated arrays, are read like one array', async (t) => {
  const { formulas } = { formulas: [{ json: LONG }, { json: B }] }
  for (const text of [
    `{"formulas":[${LONG},${B}],"nextCursor":null}\n`,
    `\n{ "formulas" : [\n${LONG}, ${B} ] ,\n"nextCursor": null\n}`,
    `{"formulas":[${LONG},${B}]}`,
    `[${LONG}]\n[${B}]\n`,
  ]) {
    t.match(await read(t, json, text), formulas, text)
    t.equal((await read(t, json, text)).length, 2)
  }
  const page = await read(t, json, `{"formulas":[${B}],\n"nextCursor":"abc"}`)
  t.match(page, [{ json: B }, { line: 1, isEnd: true, problem: { message: /one page of a longer list/ } }])
  await t.rejects(read(t, json, `{"name":"A","formulas":[${B}]}`), /a JSON array begins with/)
  await t.rejects(read(t, json, '{"name":"A"}'), /a JSON array begins with/)
})

test('a JSON array: stray text between or after formulas is reported', async (t) => {
  const missing = { problem: { message: /missing/ } }
  t.match(await read(t, json, `[${B},,\n,${B},\n]`), [
    { json: B },
    { line: 1, ...missing },
    { line: 2, ...missing },
    { json: B },
    { line: 3, ...missing },
  ])
  t.match(await read(t, json, `[${B}}, ${B}] \n x y`), [
    { line: 1, problem: { message: /not JSON/ } },
    { line: 1, json: B },
    { line: 2, problem: { message: /after the end/ } },
  ])
  await t.rejects(read(t, json, `\n${B}\n`), /Line 2: a JSON array begins with/)
  await t.rejects(read(t, json, ' '), /no JSON array/)
})

test('a stored formula is read without what the service sets; anything else is left for the service to refuse', async (t) => {
  const id = 'a'.repeat(64)
  const stored = {
    id,
    name: 'A',
    materials: [{ name: 'Rose', concentration: '1' }],
    createdAt: '2026-01-31T12:00:00.000Z',
    metadata: { client: 'Maison Verte' },
    submittedBy: 'lab',
    derivedFrom: id,
  }
  const { name, materials, createdAt, metadata } = stored
  t.same(await read(t, ndjson, JSON.stringify(stored)), [
    { line: 1, json: JSON.stringify({ name, materials, metadata }) },
  ])
  const others = [
    { ...stored, id: 'mine' },
    { id, name, materials },
    { name, materials, createdAt },
    { ...stored, materials: [{ name: 'Rose', concentration: 1 }] },
  ]
  for (const other of others)
    t.same(await read(t, ndjson, JSON.stringify(other)), [{ line: 1, json: JSON.stringify(other) }])
})

test('CSV: rows of one name are one formula, and each material is known by its line', async (t) => {
  const file = `formula,material,concentration\r\nA,Rose, ${DIGITS} \r\n\r\n"A",Linalool,1e1\n"B, ""new""","Ylang, extra",.50\r\n`
  t.same(await read(t, csv, file), [
    {
      line: 2,
      json: `{"name":"A","materials":[{"name":"Rose","concentration":"${DIGITS}"},{"name":"Linalool","concentration":"1e1"}]}`,
      materialLines: [2, 4],
    },
    {
      line: 5,
      json: '{"name":"B, \\"new\\"","materials":[{"name":"Ylang, extra","concentration":".50"}]}',
      materialLines: [5],
    },
  ])
})

test('CSV: line numbers count line feeds within quotes', async (t) => {
  const file = 'Concentration,MATERIAL,formula\n1,"Ro\r\n\nse",A\n2,Musk,B'
  t.match(await read(t, csv, file), [
    { line: 2, json: '{"name":"A","materials":[{"name":"Ro\\n\\nse","concentration":"1"}]}' },
    { line: 5, json: '{"name":"B","materials":[{"name":"Musk","concentration":"2"}]}' },
  ])
})

test('CSV: an id tells formulas of one name apart', async (t) => {
  const file = 'id,formula,material,concentration,createdAt\n1,A,Rose,1,x\n1,A,Musk,1,x\n2,A,Rose,2,x\n'
  t.match(await read(t, csv, file), [{ line: 2 }, { line: 4 }])
  t.match(await read(t, csv, 'id,formula,material,concentration\n1,A,Rose,1\n1,B,Musk,1\n'), [
    { line: 3, problem: { message: /different formula names/ } },
  ])
})

test('CSV: the metadata of a formula may stand in any of its rows, but must be the same in all', async (t) => {
  const notes = '"{""trial"":""7""}"'
  const head = 'metadata,formula,material,concentration\n'
  for (const rows of [`${notes},A,Rose,1\n,A,Musk,1\n`, `,A,Rose,1\n${notes},A,Musk,1\n`]) {
    t.match(await read(t, csv, head + rows), [{ json: /"Musk".*,"metadata":\{"trial":"7"\}\}$/ }])
  }
  t.match(await read(t, csv, `${head}${notes},A,Rose,1\n"{""trial"":""8""}",A,Musk,1\n,B,Rose,2\n`), [
    { line: 3, problem: { message: 'Rows of one formula have different metadata' } },
    { line: 4, json: '{"name":"B","materials":[{"name":"Rose","concentration":"2"}]}' },
  ])
  const filled = readerOf('csv', ',', { ...plainTable, fillDown: true })
  t.match(await read(t, filled, `${head}${notes},A,,\n,,Rose,1\n`), [{ json: /"metadata":\{"trial":"7"\}\}$/ }])
  t.match(await read(t, csv, `${head}trial 7,A,Rose,1\n`), [{ json: /"metadata":"trial 7"\}$/ }], 'no JSON')
})

test('CSV: a bad row invalidates its own formula and no other', async (t) => {
  const head = 'formula;material;concentration\n'
  const rows = 'A;Rose;1\nA;Musk\nB;Rose;2\nC;Rose;3\nA;Amber;1\nD;Ros\xe9;1\n'
  const entries = await read(t, readerOf('csv', ';', plainTable), Buffer.from(head + rows, 'latin1'))
  t.match(entries, [
    { line: 3, problem: { message: 'The row has 2 fields, the first line 3' } },
    { line: 4, json: /"B"/ },
    { line: 5, json: /"C"/ },
    { line: 7, problem: { message: /UTF-8.*--encoding/ } },
  ])
  t.equal(entries.length, 4, 'the scattered rows of A are reported once')
})

test('CSV: an unreadable row invalidates each adjacent formula whose name it contains', async (t) => {
  const head = 'material,concentration,formula\n'
  const spoiled = async (rows: string) =>
    (await read(t, csv, head + rows)).flatMap((entry) => ('problem' in entry ? [entry.line] : []))
  t.same(await spoiled('Rose,1,"A, x"\nMusk,"2,"A, x"\nRose,3,B\n'), [3, 3], 'the one before')
  t.same(await spoiled('Rose,1,A\nMusk,"2,B, x\nRose,3,"B, x"\n'), [3, 3], 'the one after')
  t.same(await spoiled('Rose,1,A\nMusk,"2,C\nRose,3,B\n'), [3], 'neither')
  const long = `${'x'.repeat(70_000)},2,C\n`
  const around = await inChunks(csv, Buffer.from(`${head}Rose,1,A\n${long}Rose,3,B\nRose,4,D\n`), 10_000)
  t.match(
    around,
    [{ line: 3, problem: {} }, { line: 3, problem: {} }, { line: 5 }],
    'both, where nothing of it is known',
  )
  const mixed = Buffer.concat([Buffer.from(`${head}Rose,1,Crème\nMusk,2,Cr`), Buffer.from([0xe8]), Buffer.from('me\n')])
  t.match(await read(t, csv, mixed), [{ problem: {} }, { problem: {} }], 'a name in two encodings')
})

test('CSV: multi-line text in an ignored column is not mistaken for rows', async (t) => {
  const reader = readerOf('csv', ',', { ...plainTable, ignoreUnknown: true })
  const file =
    'formula,material,concentration,note\nA,Rose,1,"first\nsecond, third\r\n"\nA,Musk,2,\nB,"Iris",3,"x\nC,Rose,4,y"\nC,Amber,5,\n'
  t.match(await read(t, reader, file), [
    { line: 2, json: /Rose.*Musk/, materialLines: [2, 5] },
    { line: 6, problem: { message: /quotes/ } },
    { line: 7, problem: { message: /quotes/ } },
  ])
})

test('CSV: a file that changes between its readings is refused', async (t) => {
  for (const second of ['A,Rose,1\nA,Musk,2\n', 'B,Rose,1\n', 'A,Rose,1\nB,Musk,2\n']) {
    const texts = ['A,Rose,1\n', second]
    const changing = csv(async function* () {
      yield Buffer.from(`formula,material,concentration\n${texts.shift()}`)
    })
    await t.rejects(Array.fromAsync(changing), /changed while it was being read/)
  }
})

test('CSV: a first line that names other columns is refused, with a hint', async (t) => {
  for (const head of [
    'formula;material;concentration',
    'formula,material',
    'formula,material,concentration,cas',
    'A,Rose,1',
  ]) {
    await t.rejects(inChunks(csv, Buffer.from(`${head}\nA,Rose,1\n`), 100), /must name the columns.*--delimiter.*--map/)
  }
})

test('a byte order mark is no part of the text; a compressed file is refused with a hint', async (t) => {
  for (const reader of [ndjson, json]) t.match(await read(t, reader, `\ufeff[${B}]`), [{ line: 1, json: /B/ }])
  t.same(await read(t, ndjson, '\ufeff'), [])
  t.same(await read(t, ndjson, '5'), [{ line: 1, json: '5' }], 'a file may be shorter than a mark')
  await t.rejects(read(t, csv, Buffer.from([0x1f, 0x8b, 8, 0])), /compressed/)
})
