import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { call, startService } from '../process/service-process.ts'
import { runImport } from './run.ts'

interface Stored {
  name: string
  materials: { name: string; concentration: string }[]
}

interface Imported {
  code: number | null
  /** What was said of formulas, and the counts below. */
  said: string[]
  counts: string | undefined
  stderr: string
  /** What was stored, in the order of the file: `Name: material 1 + material 2`. */
  stored: string[]
}

/**
 * Starts a service.
 * @returns imports a file into it. A `~` in the file becomes a number of its own, so that no formula is known already
 */
async function importer(t: Test) {
  const directory = t.testdir()
  const { url } = await startService(t, { DATABASE_URL: 'memory:' })
  let mark = 0
  return async (content: string | Buffer, args: readonly string[] = [], name = 'a.csv'): Promise<Imported> => {
    mark++
    const file = join(directory, name)
    writeFileSync(file, typeof content === 'string' ? content.replaceAll('~', String(mark)) : content)
    const before = await storedIn(url)
    const { code, stdout, stderr } = await runImport(t, url, [file, '--concurrency', '1', ...args])
    const after = await storedIn(url)
    const stored = after.slice(0, after.length - before.length).toReversed()
    return {
      code,
      said: stdout.slice(0, -1),
      counts: stdout.at(-1),
      stderr: stderr.join('\n'),
      stored: stored.map((each) => inShort(each, String(mark))),
    }
  }
}

function inShort({ name, materials }: Stored, mark: string): string {
  const parts = materials.map(({ name, concentration }) => `${name.replace(mark, '')} ${concentration}`)
  return `${name}: ${parts.join(' + ')}`
}

async function storedIn(url: string): Promise<Stored[]> {
  return (await call<{ formulas: Stored[] }>(url, '/formulas?limit=200')).formulas
}

const HEAD = 'formula,material,concentration\n'
const OTHER = 'Other,Amber~,9\n'

test('a formula of a table is taken in whole or not at all', async (t) => {
  const imported = await importer(t)
  const whole = 'Rose: Musk 1 + Iris 2'
  for (const [what, content, args, expected] of [
    ['a blank behind a name', `${HEAD}Rose,Musk~,1\nRose ,Iris~,2\n`, [], [whole]],
    ['a no-break space behind a name', `${HEAD}Rose,Musk~,1\n Rose\u00a0,Iris~,2\n`, [], [whole]],
    ['a blank line', `${HEAD}Rose,Musk~,1\n\n   \nRose,Iris~,2\n`, [], [whole]],
    ['a row of delimiters', `${HEAD}Rose,Musk~,1\n,,\nRose,Iris~,2\n , , , ,\n`, [], [whole]],
    ['empty columns at the end', `formula,material,concentration,,\nRose,Musk~,1,,\nRose,Iris~,2\n`, [], [whole]],
    ['empty columns in rows alone', `${HEAD}Rose,Musk~,1,,,\nRose,Iris~,2\n`, [], [whole]],
    ['lines that end with CR', `${HEAD}Rose,Musk~,1\nRose,Iris~,2\n`.replaceAll('\n', '\r'), [], [whole]],
    ['a byte order mark', `\ufeff${HEAD}Rose,Musk~,1\nRose,Iris~,2\n`, [], [whole]],
    ['a name that is filled down', `${HEAD}Rose,Musk~,1\n,Iris~,2\n`, ['--fill-down'], [whole]],
    ['a title row', `${HEAD}Rose,,\n,Musk~,1\n\n,Iris~,2\n`, ['--fill-down'], [whole]],
  ] as const) {
    const { code, stored, said } = await imported(content + OTHER, args)
    t.same(stored, [...expected, 'Other: Amber 9'], what)
    t.same([code, said], [0, []], what)
  }
})

test('a formula that is not one block, or not surely, is refused before anything is sent', async (t) => {
  const imported = await importer(t)
  const withId = 'id,formula,material,concentration\n'
  for (const [what, content, message] of [
    ['a name in the first row only', `${HEAD}Rose,Musk~,1\n,Iris~,2\n`, /^line 3: .*--fill-down/],
    ['a first row without a name', `${HEAD},Musk~,1\n`, /^line 2: .*names no formula/],
    [
      'a sheet that is sorted by material',
      `${HEAD}Rose,Iris~,2\nXeno,A~,1\nRose,Musk~,1\n`,
      /^line 2: .*on lines 2, 4\./,
    ],
    ['two blocks', `${HEAD}Rose,I~,2\nRose,J~,2\nXeno,A~,1\nRose,M~,1\n`, /^line 2: .*on lines 2–3, 5\./],
    ['blocks with blanks in the name', `${HEAD}Rose ,I~,2\nXeno,A~,1\n Rose,M~,1\n`, /on lines 2, 4/],
    ['names in two spellings', `${HEAD}Rose,I~,2\nrose,M~,1\n`, /^line 3: .*"Rose" and "rose".*id of its own/],
    ['blocks in two spellings', `${HEAD}Rose,I~,2\nXeno,A~,1\nROSE,M~,1\n`, /on lines 2, 4/],
    ['an id that comes back', `${withId}1,Rose,I~,2\n2,Xeno,A~,1\n1 ,Rose,M~,1\n`, /on lines 2, 4/],
    ['an id in the first row only', `${withId}1,Rose,I~,2\n,Rose,M~,1\n,Xeno,A~,1\n`, /"Rose" have an id and others/],
    ['too few cells', `${HEAD}Rose,I~,2\nRose,M~\nXeno,A~,1\n`, /^line 3: The row has 2 fields/],
    ['too many cells', `${HEAD}Rose,I~,2\nRose,1,5-M~,3\nXeno,A~,1\n`, /^line 3: The row has 4 fields/],
    ['a bad number', `${HEAD}Rose,I~,2\nRose,M~,q.s.\nXeno,A~,1\n`, /^line 3: Material concentration/],
    ['an empty material', `${HEAD}Rose,I~,2\nRose,,1\nXeno,A~,1\n`, /^line 3: .*name/],
    ['a broken quote', `${HEAD}Rose,I~,2\nRose,"M~" x,1\nXeno,A~,1\n`, /^line 3: The quotes of this row are broken/],
    ['a bare quote', `${HEAD}Rose,I~,2\nRose,M~"x,1\nXeno,A~,1\n`, /^line 3: The quotes.*next line/],
  ] as const) {
    const file = what.includes('id') ? `${content}9,Other,Amber~,9\n` : content + OTHER
    const { code, stored, said } = await imported(file)
    const others = content.includes('Xeno,A~') ? ['Xeno: A 1'] : []
    t.same(stored, [...others, 'Other: Amber 9'], what)
    t.match(said.join('\n'), message, what)
    t.equal(code, 2, what)
    t.notMatch(said.join('\n'), /Buffer|\[object/, what)
  }
})

test('a broken quote costs its own formula, not the rows that it swallows', async (t) => {
  const imported = await importer(t)
  for (const [what, broken, names] of [
    ['not closed', 'D,"M~,3\nE,N~,5\n', 'A B C E F G'],
    ['not closed, before the name', '"D,M~,3\nE,N~,5\n', 'A B C E F G'],
    ['with quotes in later rows', 'D,"M~,3\nE,"N~",5\n', 'A B C E F G'],
    ['closed in a row of another formula, so that it looks right', 'D,"M~,3\nE,N~",5\n', 'A B C F G'],
    ['closed within a row of another formula', 'D,"M~,3\nE,"N~,5\n', 'A B C F G'],
    ['bare', 'D,M"~,3\nE,N~,5\n', 'A B C E F G'],
    ['bare, in the name', 'D",M~,3\nE,N~,5\n', 'A B C E F G'],
    ['with a blank before it', 'D, "M~",3\nE,N~,5\n', 'A B C E F G'],
  ] as const) {
    const content = `${HEAD}A,M~,1\nB,M~,2\nC,M~,9\n${broken}E,O~,5\nF,M~,6\nG,M~,7\n`
    const { code, stored, said } = await imported(content)
    t.equal(stored.map((each) => each.split(':')[0]).join(' '), names, what)
    t.equal(code, 2)
    t.match(said[0], /^line 5: The quotes/, what)
  }
})

test('of 1,001 rows with a quote that nobody closed in the fourth, 1,000 are taken in', async (t) => {
  const imported = await importer(t)
  for (const broken of ['Q,"Broken~,1\n', 'Q,Bro"ken~,1\n', 'Q",Broken~,1\n', '"Q,Broken~,1\n']) {
    const rows = Array.from({ length: 1_000 }, (_, index) => `F${index},M~,${index + 100}\n`)
    rows.splice(2, 0, broken)
    const { code, counts, said } = await imported(HEAD + rows.join(''))
    t.same([code, counts, said.length], [2, '1000 added, 0 known already, 1 refused', 1])
  }
})
