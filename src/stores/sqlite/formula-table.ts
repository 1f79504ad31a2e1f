import type { DatabaseSync } from 'node:sqlite'
import { cutPage, entryBytes } from '../page.ts'
import type { FormulaQuery, NewFormula, Page, StoredFormula } from '../ports.ts'
import { type FormulaRow, formulaReads, formulaWrites } from './formula-statements.ts'
import { nameSearch } from './name-search.ts'
import { LateIndex } from './upkeep/late-index.ts'

export type FormulaTable = ReturnType<typeof formulaTable>

/** Visible formulas, by fingerprint, by search key and by order of acceptance. */
export function formulaTable(db: DatabaseSync) {
  const sql = formulaReads(db)
  const index = formulaIndex(db)
  const search = nameSearch(db, index)

  function newestFirst(before: number, limit: number): { rows: FormulaRow[]; next: number | null } {
    const rows = sql.page.iterate(before, limit + 1) as Iterable<unknown> as Iterable<FormulaRow>
    const { shown, more } = cutPage(rows, limit, entryBytes)
    return { rows: shown, next: more ? (shown.at(-1) as FormulaRow).seq : null }
  }

  return {
    index,
    get(id: string): StoredFormula | null {
      const [prefix, fingerprint] = [prefixOf(id), Buffer.from(id, 'hex')]
      let row: unknown
      for (const seq of index.seqsOf(prefix)) row ??= sql.bySeqOf.get(seq, fingerprint)
      row ??= sql.byPrefix.get(prefix, fingerprint)
      return row === undefined ? null : toFormula(row as FormulaRow)
    },

    bySeq(seq: number): StoredFormula | null {
      const row = sql.bySeq.get(seq)
      return row === undefined ? null : toFormula(row as unknown as FormulaRow)
    },

    list({ limit, before = Number.MAX_SAFE_INTEGER, searchPrefix = '' }: FormulaQuery): Page<StoredFormula> {
      const { rows, next } = searchPrefix === '' ? newestFirst(before, limit) : search(searchPrefix, before, limit)
      return { items: rows.map(toFormula), next }
    },

    /** Reads the file, whatever is in it. */
    probe: (): void => void sql.newest.get(),
  }
}

function formulaIndex(db: DatabaseSync): LateIndex {
  const { indexPrefix, indexSearch } = formulaWrites(db)
  return new LateIndex(db, {
    column: 'formulas',
    rowsAfter: formulaReads(db).rowsAfter,
    targets: [
      { order: (kept) => kept.byHash(), write: (kept, entry) => indexPrefix.run(kept.hash(entry), kept.seq(entry)) },
      { order: (kept) => kept.byText(), write: (kept, entry) => indexSearch.run(kept.text(entry), kept.seq(entry)) },
    ],
  })
}

export type FormulaWriter = ReturnType<typeof formulaWriter>

/** Adds and erases formulas; only the writer can. */
export function formulaWriter(db: DatabaseSync, index: LateIndex) {
  const sql = formulaWrites(db)
  let next: number | null = null
  const nextSeq = (): number => {
    next ??= sql.nextSeq.get()?.seq as number
    return next
  }
  return {
    /** Forgets what a transaction has numbered that was rolled back. */
    reload(): void {
      next = null
    },
    /** @returns its sequence number */
    add({ id, searchKey, document }: NewFormula): number {
      const [seq, prefix] = [nextSeq(), prefixOf(id)]
      sql.insert.run(seq, prefix, Buffer.from(id, 'hex'), searchKey, document)
      index.add(seq, prefix, searchKey)
      next = seq + 1
      return seq
    },
    /** Takes sequence numbers for formulas that follow on one another. @returns the first */
    take(howMany: number): number {
      const first = nextSeq()
      next = first + howMany
      return first
    },
    erase(id: string, seq: number): boolean {
      const row = sql.remove.get(seq, Buffer.from(id, 'hex')) as { prefix: number; search: string } | undefined
      if (row === undefined) return false
      sql.removePrefix.run(row.prefix, seq)
      sql.removeSearch.run(row.search, seq)
      sql.keepNumber.run(seq)
      // What it holds in memory would be written.
      index.forget()
      return true
    },
  }
}

/** The first 48 bits of a hash in hex. */
export const prefixOf = (hex: string): number => Number.parseInt(hex.slice(0, 12), 16)

const toFormula = ({ seq, fingerprint, document }: FormulaRow): StoredFormula => ({
  id: Buffer.from(fingerprint).toString('hex'),
  seq,
  document,
})
