import { StoreRefused } from '../../../errors/store-errors.ts'

/**
 * The first that can tell of its log without a checkpoint, `PRAGMA wal_checkpoint(NOOP)`. An older one takes the unknown
 * word for its default and makes one in part, which it does not sync: see checkpoints.ts.
 */
const NEEDED = [3, 51] as const
/** The Node that package.json asks for. 24.13.1 was the first to have this SQLite; 24.14.1 also has JSON.parse mended. */
const NODE = '24.14.1'

/** @throws {StoreRefused} where the SQLite that Node has would endanger what is stored */
export function checkSqliteVersion(found = process.versions.sqlite as string): void {
  const [major = 0, minor = 0] = found.split('.').map(Number)
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return
  throw new StoreRefused(`This Node has SQLite ${found}, which is too old for it to be safe: use Node ${NODE} or later`)
}
