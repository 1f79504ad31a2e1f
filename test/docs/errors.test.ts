import { test } from 'tap'
import { catalogue, RECEIPT_STALE } from '../../src/errors/catalogue.ts'
import { readPage, table } from '../support/docs/pages.ts'

const PAGE = 'docs/errors.md'

test('docs/errors.md lists the codes of the catalogue, with status and text, in its order', async (t) => {
  const rows = table(PAGE, ['Code', 'Status', 'Text', 'When', 'What to do'])
  const documented = rows.map(([code, status, text]) => [code, Number(status), text])
  t.same(
    documented,
    Object.entries(catalogue).map(([code, { status, message }]) => [code, status, message]),
  )
  for (const [code, , , when, remedy] of rows) t.ok(when && remedy, `${code} tells when it occurs and what to do`)
})

test('docs/errors.md names no code that does not exist', async (t) => {
  const known = new Set([
    ...Object.keys(catalogue),
    RECEIPT_STALE,
    'ALLOWED_HOSTS',
    'BODY_LIMIT_BYTES',
    'IDEMPOTENCY_WAIT_MS',
  ])
  const named: string[] = readPage(PAGE).match(/\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? []
  t.same(
    named.filter((code) => !known.has(code)),
    [],
  )
  t.ok(named.includes(RECEIPT_STALE))
})

test('the example of an error in docs/errors.md has texts of the catalogue', async (t) => {
  const example = JSON.parse(/```json\n(.*?)```/s.exec(readPage(PAGE))?.[1] ?? '')
  for (const { code, message } of [example, ...example.details]) {
    t.equal(catalogue[code as keyof typeof catalogue].message, message)
  }
})
