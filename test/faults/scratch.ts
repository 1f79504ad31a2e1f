import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** In memory where the system has such a place: what is asked of these files is not that they outlast a power cut. */
const FAST = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** A folder for files that many runs make anew; it goes with the test. */
export function scratch(t: Test): string {
  const folder = mkdtempSync(join(FAST, 'formulas-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
