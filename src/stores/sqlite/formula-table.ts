import type { DatabaseSync } from 'node:sqlite'
import type { StoredFormula } from '../../formula/formula.ts'
import { searchKey } from '../../formula/name-search.ts'
import { isoTime } from '../../kit/clock.ts'
import { cutPage, entryBytes } from '../page.ts'
import type { FormulaQuery, Holder, Page } from '../ports.ts'
import { LateIndex } from './durability/late-index.ts'
import { nameSearch } from './name-search.ts'

/** A formula as its row has it: the materials as JSON. */
type JsonFormula = StoredFormula<string>

export interface FormulaRow {
  seq: number
  fingerprint: Uint8Array
  name: string
  materials: string
  created_at: number
}

export const COLUMNS = 'formulas.seq, fingerprint, name, materials, created_at'

/** Visible formulas, by fingerprint, by name and by order of acceptance. */
export function formulaTable(db: DatabaseSync) {
  const index = formulaIndex(db)
  const bySeq = db.prepare(`SELECT ${COLUMNS} FROM formulas WHERE seq = ? AND fingerprint = ?`)
  const byIndex = db.prepare(
    `SELECT ${COLUMNS} FROM formulas_by_prefix CROSS JOIN formulas USING (seq)
     WHERE formulas_by_prefix.prefix = ? AND fingerprint = ?`,
  )
  const page = db.prepare(`SELECT ${COLUMNS} FROM formulas WHERE seq < ? ORDER BY seq DESC LIMIT ?`)
  const newest = db.prepare('SELECT seq FROM formulas ORDER BY seq DESC LIMIT 1')
  const byName = nameSearch(db, index)

  function newestFirst(before: number, limit: number): { rows: FormulaRow[]; next: number | null } {
    const rows = page.iterate(before, limit + 1) as Iterable<unknown> as Iterable<FormulaRow>
    const { shown, more } = cutPage(rows, limit, entryBytes)
    return { rows: shown, next: more ? (shown.at(-1) as FormulaRow).seq : null }
  }

  return {
    index,
    get(id: string): JsonFormula | null {
      const [prefix, fingerprint] = [prefixOf(id), Buffer.from(id, 'hex')]
      let row: unknown
      for (const seq of index.seqsOf(prefix)) row ??= bySeq.get(seq, fingerprint)
      row ??= byIndex.get(prefix, fingerprint)
      return row === undefined ? null : toFormula(row as FormulaRow)
    },

    list({ limit, before = Number.MAX_SAFE_INTEGER, namePrefix }: FormulaQuery): Page<JsonFormula> {
      const isSearch = namePrefix !== undefined && searchKey(namePrefix) !== ''
      const { rows, next } = isSearch ? byName(namePrefix, before, limit) : newestFirst(before, limit)
      return { items: rows.map(toFormula), next }
    },

    /** Reads the file, whatever is in it. */
    probe: (): void => void newest.get(),
  }
}

function formulaIndex(db: DatabaseSync): LateIndex {
  const addPrefix = db.prepare('INSERT OR IGNORE INTO formulas_by_prefix VALUES (?, ?)')
  const addSearch = db.prepare('INSERT OR IGNORE INTO formulas_by_search VALUES (?, ?)')
  return new LateIndex(db, {
    column: 'formulas',
    rowsAfter: db.prepare('SELECT seq, prefix AS hash, search AS text FROM formulas WHERE seq > ? ORDER BY seq'),
    targets: [
      { order: (kept) => kept.byHash(), write: (kept, entry) => addPrefix.run(kept.hash(entry), kept.seq(entry)) },
      { order: (kept) => kept.byText(), write: (kept, entry) => addSearch.run(kept.text(entry), kept.seq(entry)) },
    ],
  })
}

/** Adds formulas; only the writer can. */
export function formulaWriter(db: DatabaseSync, index: LateIndex) {
  const insert = db.prepare(
    'INSERT INTO formulas (prefix, fingerprint, name, search, materials, created_at) VALUES (?, ?, ?, ?, ?, ?)',
  )
  return {
    add({ id, name, materials }: JsonFormula, createdAt: number): void {
      const [hash, search] = [prefixOf(id), searchKey(name)]
      const { lastInsertRowid } = insert.run(hash, Buffer.from(id, 'hex'), name, search, materials, createdAt)
      index.add(Number(lastInsertRowid), hash, search)
    },
  }
}

/** Formulas of sagas that are not finished: claimed, and shown to nobody. */
export function pendingTable(db: DatabaseSync, index: LateIndex) {
  const holder = db.prepare(
    `SELECT state FROM pending JOIN intents ON intents.id = pending.intent WHERE prefix = ? AND fingerprint = ?`,
  )
  const insert = db.prepare('INSERT INTO pending VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  const show = db.prepare(
    `INSERT INTO formulas (prefix, fingerprint, name, search, materials, created_at)
     SELECT prefix, fingerprint, name, search, materials, created_at FROM pending WHERE intent = ? ORDER BY ordinal`,
  )
  const remove = db.prepare('DELETE FROM pending WHERE intent = ?')
  return {
    holderOf(id: string): Holder | null {
      const row = holder.get(prefixOf(id), Buffer.from(id, 'hex')) as { state: string } | undefined
      if (row === undefined) return null
      return row.state === 'pending' ? 'submission' : 'cleanup'
    },
    add(intent: string, formulas: JsonFormula[], createdAt: number): void {
      formulas.forEach(({ id, name, materials }, ordinal) => {
        const fingerprint = Buffer.from(id, 'hex')
        insert.run(intent, ordinal, prefixOf(id), fingerprint, name, searchKey(name), materials, createdAt)
      })
    },
    show(intent: string): void {
      show.run(intent)
      remove.run(intent)
      index.catchUp()
    },
    remove(intent: string): void {
      remove.run(intent)
    },
  }
}

/** The first 48 bits of a fingerprint. */
const prefixOf = (id: string): number => Number.parseInt(id.slice(0, 12), 16)

function toFormula({ fingerprint, name, materials, created_at }: FormulaRow): JsonFormula {
  return { id: Buffer.from(fingerprint).toString('hex'), name, materials, createdAt: isoTime(created_at) }
}

export function withMaterials(formula: JsonFormula): StoredFormula {
  return { ...formula, materials: JSON.parse(formula.materials) }
}
