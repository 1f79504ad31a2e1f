import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { startListening } from '../support/http/service.ts'
import { runImport, startImport } from '../support/run-bulk.ts'
import { call } from '../support/service-process.ts'

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
 * @returns a function that imports a file into it. Each call replaces every `~` in the file by the number of the call, so that
 *   no formula is known already
 */
async function importer(t: Test) {
  const directory = t.testdir()
  const { url } = await startListening(t)
  let mark = 0
  return async (content: string | Buffer, args: readonly string[] = [], name = 'a.csv'): Promise<Imported> => {
    mark++
    const file = join(directory, name)
    writeFileSync(file, typeof content === 'string' ? content.replaceAll('~', String(mark)) : content)
    const before = await storedIn(url)
    const { code, stdout, stderr } = await runImport(url, [file, '--concurrency', '1', ...args])
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

test('a formula with scattered, broken or ambiguous rows is refused as a whole, and the others are imported', async (t) => {
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

test('a broken quote invalidates its own formula, not the rows that it swallows', async (t) => {
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

test('of 1,001 formulas, one with an unclosed quote, the other 1,000 are imported', async (t) => {
  const imported = await importer(t)
  for (const broken of ['Q,"Broken~,1\n', 'Q,Bro"ken~,1\n', 'Q",Broken~,1\n', '"Q,Broken~,1\n']) {
    const rows = Array.from({ length: 1_000 }, (_, index) => `F${index},M~,${index + 100}\n`)
    rows.splice(2, 0, broken)
    const { code, counts, said } = await imported(HEAD + rows.join(''))
    t.same([code, counts, said.length], [2, '1000 added, 0 known already, 1 refused', 1])
  }
})

test('files as spreadsheets and other programs write them are imported with the right options', async (t) => {
  const imported = await importer(t)
  const rows = 'Rose;Musk~;1,5\nRose;Iris~;2\n'
  const head = HEAD.replaceAll(',', ';')
  const german = ['--delimiter', ';', '--decimal', ',']
  const whole = ['Rose: Musk 1.5 + Iris 2']
  const tabs = `${HEAD}Rose,Musk~,1.5\nRose,Iris~,2\n`.replaceAll(',', '\t')
  const utf16 = (mark: string) => Buffer.from(`${mark}${HEAD}Crème,Musk u${mark.length},1.5\n`, 'utf16le')
  const creme = (content: string) => Buffer.from(`${HEAD}Crème,${content},1\n`, 'latin1')
  const other = 'Name,Ingredient,"%, parts",CAS,Note\n'
  for (const [what, content, args, expected, name] of [
    ['a decimal comma', head + rows, german, whole],
    ['sep=', `\ufeffsep=;\r\n${head}${rows}`, ['--decimal', ','], whole],
    ['.tsv', tabs, [], whole, 'a.TSV'],
    ['a tab as \\t', tabs, ['--delimiter', '\\t'], whole],
    ['a tab by its name', tabs, ['--delimiter', 'tab'], whole],
    [
      'other names of columns',
      `${other}Rose,Musk~,1.5,1-2-3,"a\nb"\nRose,Iris~,2,,\n`,
      ['--map', 'name=formula,Ingredient=material', '--map', '%, parts=concentration', '--ignore-unknown'],
      whole,
    ],
    ['UTF-16 with a mark', utf16('\ufeff'), [], ['Crème: Musk u1 1.5']],
    ['UTF-16 without a mark', utf16(''), [], ['Crème: Musk u0 1.5']],
    // Read as the formula before, which is known already.
    ['UTF-16, big-endian', utf16('\ufeff').swap16(), [], []],
    ['Windows-1252', creme('Musk \x80'), ['--encoding', 'windows-1252'], ['Crème: Musk € 1']],
    ['Latin-1', creme('Mousse é'), ['--encoding', 'latin1'], ['Crème: Mousse é 1']],
    [
      'materials twice',
      `${HEAD}Rose,Musk~,0.1\nRose,Iris~,2\nRose,MUSK~ ,0.2\n`,
      ['--sum-repeated'],
      ['Rose: Musk 0.3 + Iris 2'],
    ],
    ['computed values', `${HEAD}Rose,Musk~,61.00000000000001\n`, ['--round', '12'], ['Rose: Musk 61']],
    [
      'an id in some rows',
      `id,${HEAD}1,A,Musk~,1\n2,A,Musk~,2\n,B,Musk~,3\n,C,Musk~,4\n`,
      [],
      ['A: Musk 1', 'A: Musk 2', 'B: Musk 3', 'C: Musk 4'],
    ],
    [
      'a list of the service',
      '{"formulas":[{"name":"Rose","materials":[{"name":"Musk~","concentration":1}]}],"nextCursor":null}',
      [],
      ['Rose: Musk 1'],
      'a.json',
    ],
    [
      'computed values in JSON',
      '[{"name":"Rose","materials":[{"name":"Musk~","concentration":61.00000000000001}]}]',
      ['--round', '12'],
      ['Rose: Musk 61'],
      'a.json',
    ],
  ] as const) {
    const { code, stored, said, stderr } = await imported(content, args, name)
    t.same(stored, expected, what)
    t.same([code, said, stderr], [0, [], ''], what)
  }
})

test('a refusal names the option that would help', async (t) => {
  const imported = await importer(t)
  for (const [content, cure] of [
    [`${HEAD}Rose,Musk~,61.00000000000001\n`, /^line 2: .*--round 12/],
    [`${HEAD}Rose,Musk~,"1,5"\n`, /^line 2: .*--decimal ','/],
    [`${HEAD}Rose,Iris~,1\nRose,Musk~,1\nRose,musk~,1\n`, /^line 4: .*--sum-repeated/],
    [Buffer.from(`${HEAD}Cr\xe8me,Musk,1\n`, 'latin1'), /^line 2: .*--encoding/],
    [`${HEAD}Rose,Musk~,0\n`, /^line 2: (?!.*--round)/],
  ] as const) {
    const { code, said, stored } = await imported(content)
    t.same([code, stored], [2, []])
    t.match(said[0], cure)
  }
  const thousands = await imported(`${HEAD}Rose,Musk~,1.000\n`, ['--decimal', ','])
  t.match(thousands, {
    code: 2,
    stored: [],
    said: [/^line 2: With --decimal ',' a concentration must not contain a point/],
  })
})

test('a row that looks like a total is imported with a warning', async (t) => {
  const imported = await importer(t)
  const file = `${HEAD}Rose,Musk~,40\nRose,Iris~,60\nRose,TOTAL,100\nX,Musk~,1\n`
  const { code, said, stored } = await imported(file)
  t.same([code, stored.length], [0, 2])
  t.same(said, ['line 4: warning: "TOTAL" looks like a total, and is taken for a material'])
})

test('a dry run says what an import would, and sends nothing', async (t) => {
  const imported = await importer(t)
  const good = `${HEAD}Rose,Musk~,1\nIris,Musk~,2\n`
  const bad = `${good}Leek,Musk~,0\nLeek,"x" y,2\n,,\nRose,Amber~,1\n`
  t.match(await imported(good, ['--dry-run']), {
    code: 0,
    stored: [],
    counts: '2 would be sent, 0 refused; nothing was sent',
  })
  const dry = await imported(bad, ['--dry-run'])
  t.match(dry, { code: 2, stored: [], counts: '1 would be sent, 2 refused; nothing was sent' })
  t.same((await imported(bad)).said, dry.said)
  const json = '[{"name":5,"materials":[]},{},{"name":"A","materials":[{"name":"B","concentration":1}]}]'
  const dryJson = await imported(json, ['--dry-run'], 'a.json')
  t.same((await imported(json, [], 'a.json')).said, dryJson.said)
})

test('a formula that is nested too deeply is refused alone, in a dry run too', async (t) => {
  const imported = await importer(t)
  const deep = `{"name":"A","materials":[{"name":"B","concentration":0.1234567890123456}],"x":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
  const file = `[${deep},{"name":"C","materials":[{"name":"D","concentration":1}]}]`
  const options = ['--round', '12']
  const dry = await imported(file, [...options, '--dry-run'], 'a.json')
  t.match(dry, { code: 2, counts: '1 would be sent, 1 refused; nothing was sent' })
  const { code, said, stored } = await imported(file, options, 'a.json')
  t.same([code, stored.length, said], [2, 1, dry.said])
})

test('a table on standard input is read twice too, and leaves no temporary file', async (t) => {
  const directory = t.testdir()
  const input = `${HEAD}Rose,Iris,2\nX,Amber,1\nRose,Musk,1\n`
  const args = ['-', '--format', 'csv', '--dry-run']
  const { code, stdout } = await startImport(t, 'http://127.0.0.1:9', args, { TMPDIR: directory }, input).ended
  t.equal(code, 2)
  t.match(stdout, [/^line 2: .*on lines 2, 4/, '1 would be sent, 1 refused; nothing was sent'])
  t.same(readdirSync(directory), [])
})

test('--help prints the options and exits with 0', async (t) => {
  const help = await runImport('http://127.0.0.1:9', ['x', '--help'])
  t.same([help.code, help.stderr], [0, []])
  for (const option of ['--dry-run', '--map', '--sum-repeated']) t.match(help.stdout.join('\n'), option)
})
