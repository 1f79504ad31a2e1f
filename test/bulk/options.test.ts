import { join } from 'node:path'
import { test } from 'tap'
import { readExportOptions, readImportOptions } from '../../src/bulk/options.ts'

test('an import needs only a file name, which implies the format', async (t) => {
  t.match(readImportOptions(['formulas.ndjson'], {}), {
    file: 'formulas.ndjson',
    format: 'ndjson',
    delimiter: ',',
    concurrency: 8,
    report: null,
    apiKey: null,
    giveUpAfterMs: Infinity,
    url: { href: 'http://127.0.0.1:3000/' },
  })
  for (const [file, format] of [
    ['a.JSON', 'json'],
    ['b.csv', 'csv'],
    ['c.jsonl', 'ndjson'],
  ] as const) {
    t.equal(readImportOptions([file], {}).format, format)
  }
  t.equal(readImportOptions(['-', '--format', 'csv'], {}).format, 'csv')
})

test('an export writes NDJSON to standard output unless told otherwise', async (t) => {
  t.match(readExportOptions([], {}), { file: null, format: 'ndjson' })
  t.match(readExportOptions(['a.csv'], {}), { file: 'a.csv', format: 'csv' })
  t.match(readExportOptions(['a.csv', '--format', 'json'], {}), { format: 'json' })
  t.match(readExportOptions(['a.xlsx'], {}), { format: 'xlsx' })
  t.match(readExportOptions(['a.tsv'], {}), { format: 'csv', csv: { delimiter: '\t' } })
})

test('an export refuses what it does not write, and options that would have no effect', async (t) => {
  for (const [args, message] of [
    [['a.txt'], /--format/],
    [['a.ods'], /--format/],
    [['a'], /--format/],
    [['a.json', '--bom'], '--bom is for CSV, not for json'],
    [['a.xlsx', '--decimal', ','], '--decimal is for CSV, not for xlsx'],
    [['--for-spreadsheets'], '--for-spreadsheets is for CSV, not for ndjson'],
    [['a.csv', '--decimal', '·'], /--decimal must be/],
    [['a.csv', '--delimiter', '""'], /--delimiter/],
  ] as const) {
    t.throws(() => readExportOptions([...args], {}), { message }, args.join(' '))
  }
})

test('the API key comes from a file, or from the environment', async (t) => {
  const directory = t.testdir({ key: 'from-file\n', bad: 'two words' })
  const environment = { API_KEY: 'from-environment' }
  t.equal(readImportOptions(['a.csv'], environment).apiKey, 'from-environment')
  t.equal(readImportOptions(['a.csv', '--key-file', join(directory, 'key')], environment).apiKey, 'from-file')
  t.throws(() => readImportOptions(['a.csv', '--key-file', join(directory, 'bad')], {}), /single word/)
  t.throws(() => readImportOptions(['a.csv', '--key-file', join(directory, 'none')], {}), /cannot be read/)
})

test('each invalid import option is refused with a message that names it', async (t) => {
  for (const [args, message] of [
    [[], /Name one file/],
    [['a.csv', 'b.csv'], /Name one file/],
    [['a.txt'], /--format/],
    [['a.csv', '--format', 'xml'], /--format/],
    [['a.csv', '--delimiter', '""'], /--delimiter/],
    [['a.csv', '--decimal', ';'], /--decimal/],
    [['a.csv', '--map', 'ingredient'], /--map/],
    [['a.csv', '--map', 'ingredient=name'], /--map/],
    [['a.csv', '--encoding', 'klingon'], /--encoding/],
    [['a.csv', '--round', '13'], /--round/],
    [['a.json', '--decimal', ','], /--decimal is not for json files/],
    [['a.json', '--fill-down'], /--fill-down is not for json files/],
    [['a.csv', '--concurrency', '0'], /--concurrency/],
    [['a.csv', '--concurrency', '1e1'], /--concurrency/],
    [['a.csv', '--give-up-after', 'soon'], /--give-up-after/],
    [['a.csv', '--report', './a.csv'], /another file/],
    [['a.csv', '--url', 'example.org'], /--url/],
    [['a.csv', '--url', 'ftp://example.org'], /--url/],
    [['a.csv', '--speed', '9'], /--speed/],
  ] as const) {
    t.throws(() => readImportOptions([...args], {}), message, args.join(' '))
  }
})
