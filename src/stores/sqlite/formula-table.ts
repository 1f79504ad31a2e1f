import type { DatabaseSync } from 'node:sqlite'
import { successor } from '../../formula/identity.ts'
import { cutPage, ENTRY_OVERHEAD, entryBytes, FilteredPage, type Timer, writeFormulas } from '../page.ts'
import type { FormulaPage, FormulaQuery, NewFormula, StoredFormula } from '../ports.ts'
import { prepare } from './statements.ts'
import { LateIndex, prefixOf } from './upkeep/late-index.ts'

interface FormulaRow {
  seq: number
  fingerprint: Uint8Array
  document: string
}

const COLUMNS = 'formulas.seq, fingerprint, document'

const readStatements = (db: DatabaseSync) =>
  prepare(db, {
    bySeq: `SELECT ${COLUMNS} FROM formulas WHERE seq = ?`,
    bySeqOf: 'SELECT seq, document FROM formulas WHERE seq = ? AND fingerprint = ?',
    byPrefix: `SELECT seq, document FROM formulas_by_prefix CROSS JOIN formulas USING (seq)
     WHERE formulas_by_prefix.prefix = ? AND fingerprint = ?`,
    // SQLite knows the size of a value without reading it: documents that are cut off are never read.
    sizes: 'SELECT seq, octet_length(document) FROM formulas WHERE seq < ? ORDER BY seq DESC LIMIT ?',
    // SQLite writes the page itself, as writeFormulas does, in the order of the subquery. Reading the rows as objects takes
    // four times as long.
    page: `SELECT CAST(ifnull(group_concat(shown), '') AS BLOB) AS formulas
     FROM (SELECT '{"id":"' || lower(hex(fingerprint)) || '",' || substr(CAST(document AS BLOB), 2) AS shown
       FROM formulas WHERE seq BETWEEN ? AND ? ORDER BY seq DESC)`,
    // Documents of other names are never read. The time that a page may take is looked at after each row.
    named: `SELECT seq, fingerprint, iif(search >= ? AND search < ?, document, '') AS document FROM formulas
     WHERE seq < ? ORDER BY seq DESC`,
    newest: 'SELECT seq FROM formulas ORDER BY seq DESC LIMIT 1',
    rowsAfter: 'SELECT seq, fingerprint AS hash, search AS text FROM formulas WHERE seq > ? ORDER BY seq',
    indexPrefix: 'INSERT OR IGNORE INTO formulas_by_prefix VALUES (?, ?)',
    indexSearch: 'INSERT OR IGNORE INTO formulas_by_search VALUES (?, ?)',
  })

/** Visible formulas, by fingerprint, by search key and by order of acceptance. */
export function formulaTable(db: DatabaseSync, timer: Timer = () => performance.now()) {
  const sql = readStatements(db)
  const { rowsAfter, indexPrefix, indexSearch } = sql
  const targets = [{ by: 'hash', insert: indexPrefix } as const, { by: 'text', insert: indexSearch } as const]
  const index = new LateIndex(db, { table: 'formulas', rowsAfter, targets })
  const search = nameSearch(db, index, (seq) => sql.bySeq.get(seq))
  return {
    index,
    get(id: string): StoredFormula | null {
      const fingerprint = Buffer.from(id, 'hex')
      const prefix = prefixOf(fingerprint)
      let row: unknown
      for (const seq of index.seqsOf(prefix)) row ??= sql.bySeqOf.get(seq, fingerprint)
      row ??= sql.byPrefix.get(prefix, fingerprint)
      if (row === undefined) return null
      const { seq, document } = row as FormulaRow
      return { id, seq, document }
    },
    bySeq(seq: number): StoredFormula | null {
      const row = sql.bySeq.get(seq)
      return row === undefined ? null : toFormula(row as unknown as FormulaRow)
    },
    list({ limit, before = Number.MAX_SAFE_INTEGER, searchPrefix = '', filter }: FormulaQuery): FormulaPage {
      if (filter !== undefined) {
        const found = new FilteredPage({ filter, limit }, timer)
        const rows = sql.named.iterate(searchPrefix, successor(searchPrefix), before)
        for (const row of rows) if (found.endsAt(toFormula(row as unknown as FormulaRow))) break
        return found.page
      }
      if (searchPrefix !== '') return search(searchPrefix, before, limit)
      sql.sizes.setReturnArrays(true)
      const sizes = sql.sizes.all(before, limit + 1) as unknown as [seq: number, bytes: number][]
      const { shown, more } = cutPage(sizes, limit, ([, bytes]) => bytes + ENTRY_OVERHEAD)
      const [newest, oldest] = [shown[0]?.[0] ?? 0, shown.at(-1)?.[0] ?? 0]
      const { formulas } = sql.page.get(oldest, newest) as { formulas: Uint8Array }
      return { formulas, next: more ? oldest : null }
    },
    /** Reads one row, so that an unreadable file throws. */
    probe: (): void => void sql.newest.get(),
  }
}

/** @param nextAtEnd where the next page begins after the last of these rows */
function pageOf(rows: Iterable<unknown>, limit: number, nextAtEnd: number | null = null): FormulaPage {
  const { shown, more } = cutPage(rows as Iterable<FormulaRow>, limit, entryBytes)
  const next = more ? (shown.at(-1) as FormulaRow).seq : nextAtEnd
  return { formulas: writeFormulas(shown.map(toFormula)), next }
}

const toFormula = ({ seq, fingerprint, document }: FormulaRow): StoredFormula => ({
  id: Buffer.from(fingerprint).toString('hex'),
  seq,
  document,
})

/** If at most this many names match, a search sorts all of them; otherwise it scans the newest formulas. */
const MAX_SORTED = 10_000
/** Maximum number of formulas scanned for one page, so that a search never delays other reads for long. */
const MAX_SCANNED = 20_000

/**
 * Finds formulas by a prefix of their search key, newest first. The index is ordered by key, so its matches must be sorted
 * by age. That is too slow for many matches: then the newest formulas are scanned instead, and a page may be short or
 * empty although another follows.
 */
function nameSearch(db: DatabaseSync, index: LateIndex, bySeq: (seq: number) => unknown) {
  const sql = prepare(db, {
    count: 'SELECT count(*) AS found FROM (SELECT 1 FROM formulas_by_search WHERE search >= ? AND search < ? LIMIT ?)',
    indexed: `SELECT ${COLUMNS} FROM (SELECT seq AS found FROM formulas_by_search
       WHERE search >= ? AND search < ? AND seq <= ? AND seq < ? ORDER BY found DESC LIMIT ?)
     CROSS JOIN formulas ON formulas.seq = found ORDER BY formulas.seq DESC`,
    between: `SELECT ${COLUMNS} FROM formulas WHERE search >= ? AND search < ? AND seq > ? AND seq < ? ORDER BY seq DESC`,
    last: 'SELECT ifnull(max(seq), 0) AS seq FROM formulas',
  })

  function* newestFirst(prefix: string, range: [string, string], before: number, limit: number): Iterable<unknown> {
    for (const seq of index.seqsWith(prefix)) {
      // An entry outlives its row when the formula is erased.
      const row = seq < before ? bySeq(seq) : undefined
      if (row !== undefined) yield row
    }
    yield* sql.indexed.all(...range, index.indexed, before, limit + 1)
  }

  function scanNewest(range: [string, string], before: number, limit: number): FormulaPage {
    const from = Math.min(before, (sql.last.get() as { seq: number }).seq + 1)
    const floor = Math.max(from - 1 - MAX_SCANNED, 0)
    return pageOf(sql.between.iterate(...range, floor, from), limit, floor > 0 ? floor + 1 : null)
  }

  return (prefix: string, before: number, limit: number): FormulaPage => {
    const range: [string, string] = [prefix, successor(prefix)]
    index.catchUp()
    const { found } = sql.count.get(...range, MAX_SORTED + 1) as { found: number }
    if (found > MAX_SORTED) return scanNewest(range, before, limit)
    return pageOf(newestFirst(prefix, range, before, limit), limit)
  }
}

/** Adds and erases formulas. */
export function formulaWriter(db: DatabaseSync, index: LateIndex) {
  const sql = prepare(db, {
    nextSeq: 'SELECT max((SELECT ifnull(max(seq), 0) FROM formulas), formula) + 1 AS seq FROM numbers',
    insert: 'INSERT INTO formulas (seq, fingerprint, search, document) VALUES (?, ?, ?, ?)',
    remove: 'DELETE FROM formulas WHERE seq = ? AND fingerprint = ? RETURNING search',
    removePrefix: 'DELETE FROM formulas_by_prefix WHERE prefix = ? AND seq = ?',
    removeSearch: 'DELETE FROM formulas_by_search WHERE search = ? AND seq = ?',
    keepId: 'INSERT INTO erased VALUES (?, ?)',
    keepNumber: 'UPDATE numbers SET formula = max(formula, ?)',
  })
  let next: number | null = null
  /** Takes consecutive sequence numbers. @returns the first */
  const take = (howMany: number): number => {
    const first = next ?? (sql.nextSeq.get()?.seq as number)
    next = first + howMany
    return first
  }
  return {
    take,
    /** Drops cached state after a rollback. */
    reload(): void {
      next = null
      index.forget()
    },
    /** @returns the sequence number */
    add({ id, searchKey, document }: NewFormula): number {
      const [seq, fingerprint] = [take(1), Buffer.from(id, 'hex')]
      sql.insert.run(seq, fingerprint, searchKey, document)
      index.add(seq, fingerprint, searchKey)
      return seq
    },
    erase(id: string, seq: number): boolean {
      const fingerprint = Buffer.from(id, 'hex')
      const row = sql.remove.get(seq, fingerprint) as { search: string } | undefined
      if (row === undefined) return false
      sql.removePrefix.run(prefixOf(fingerprint), seq)
      sql.removeSearch.run(row.search, seq)
      sql.keepId.run(seq, fingerprint)
      sql.keepNumber.run(seq)
      // Not `forget`: an index that begins anew at each erasure never gets done.
      index.drop(seq)
      return true
    },
  }
}
