import type { DatabaseSync } from 'node:sqlite'
import type { StoredFormula } from '../../formula/formula.ts'
import { searchKey } from '../../formula/name-search.ts'
import type { FormulaQuery, Holder, Page } from '../ports.ts'

interface FormulaRow {
  seq: number
  fingerprint: Uint8Array
  name: string
  materials: string
  created_at: number
}

const COLUMNS = 'seq, fingerprint, name, materials, created_at'

/** Visible formulas, by fingerprint and by order of acceptance. */
export function formulaTable(db: DatabaseSync) {
  const byFingerprint = db.prepare(`SELECT ${COLUMNS} FROM formulas WHERE prefix = ? AND fingerprint = ?`)
  const page = db.prepare(`SELECT ${COLUMNS} FROM formulas WHERE seq < ? ORDER BY seq DESC LIMIT ?`)
  const pageByName = db.prepare(
    `SELECT ${COLUMNS} FROM formulas INDEXED BY formulas_search
     WHERE search >= ? AND search < ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
  )
  return {
    get(id: string): StoredFormula | null {
      const row = byFingerprint.get(prefixOf(id), Buffer.from(id, 'hex')) as FormulaRow | undefined
      return row === undefined ? null : toFormula(row)
    },

    list({ limit, before = Number.MAX_SAFE_INTEGER, namePrefix }: FormulaQuery): Page<StoredFormula> {
      const search = searchKey(namePrefix ?? '')
      const rows = (search === ''
        ? page.all(before, limit + 1)
        : pageByName.all(search, successor(search), before, limit + 1)) as unknown as FormulaRow[]
      const shown = rows.slice(0, limit)
      return { items: shown.map(toFormula), next: rows.length > limit ? (shown.at(-1) as FormulaRow).seq : null }
    },
  }
}

/** Adds formulas; only the writer can. */
export function formulaWriter(db: DatabaseSync) {
  const insert = db.prepare(
    'INSERT INTO formulas (prefix, fingerprint, name, search, materials, created_at) VALUES (?, ?, ?, ?, ?, ?)',
  )
  return {
    add(formula: StoredFormula, createdAt: number): void {
      const { id, name, materials } = formula
      insert.run(prefixOf(id), Buffer.from(id, 'hex'), name, searchKey(name), JSON.stringify(materials), createdAt)
    },
  }
}

/** Formulas of sagas that are not finished: claimed, and shown to nobody. */
export function pendingTable(db: DatabaseSync) {
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
    add(intent: string, formulas: StoredFormula[], createdAt: number): void {
      formulas.forEach(({ id, name, materials }, ordinal) => {
        const fingerprint = Buffer.from(id, 'hex')
        const text = JSON.stringify(materials)
        insert.run(intent, ordinal, prefixOf(id), fingerprint, name, searchKey(name), text, createdAt)
      })
    },
    show(intent: string): void {
      show.run(intent)
      remove.run(intent)
    },
    remove(intent: string): void {
      remove.run(intent)
    },
  }
}

/** The least text that sorts behind everything that begins with `prefix`; SQLite compares code points. */
function successor(prefix: string): string {
  const points = [...prefix].map((character) => character.codePointAt(0) as number)
  while (points.at(-1) === 0x10ffff) points.pop()
  const last = points.pop()
  if (last === undefined) return '\u{10ffff}'.repeat(4_096)
  // The code points of surrogates stand for no character.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
}

/** The first 48 bits of a fingerprint. */
const prefixOf = (id: string): number => Number.parseInt(id.slice(0, 12), 16)

function toFormula({ fingerprint, name, materials, created_at }: FormulaRow): StoredFormula {
  const id = Buffer.from(fingerprint).toString('hex')
  return { id, name, materials: JSON.parse(materials), createdAt: new Date(created_at).toISOString() }
}
