import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Edit, Mutant } from './mutant.ts'

export const ROOT = join(import.meta.dirname, '..', '..', '..')

/** All that tests need. Packages are linked, not copied. */
const COPIED = [
  'src',
  'plugins',
  'routes',
  'console',
  'client',
  'test',
  'docs',
  'package.json',
  'tsconfig.json',
  '.taprc',
]

/** Why an edit cannot be made in the tree under `root`; null when it can. */
export function obstacle(root: string, [file, from]: Edit): string | null {
  let text: string
  try {
    text = readFileSync(join(root, file), 'utf8')
  } catch {
    return `there is no ${file}`
  }
  const times = text.split(from).length - 1
  return times === 1 ? null : `the text to replace stands ${times} times in ${file}: ${from}`
}

/** A copy of the tree in a temporary folder, in which bugs are planted one at a time. */
export class TreeCopy {
  readonly root = mkdtempSync(join(tmpdir(), 'mutants-'))
  #planted = new Map<string, string>()

  constructor() {
    for (const name of COPIED) cpSync(join(ROOT, name), join(this.root, name), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(this.root, 'node_modules'))
  }

  /** @throws {Error} when the mutant no longer applies; then nothing is planted */
  plant({ edits }: Pick<Mutant, 'edits'>): void {
    for (const [file, from, to] of edits) {
      const why = obstacle(this.root, [file, from, to])
      if (why !== null) {
        this.restore()
        throw new Error(`this mutant no longer applies: ${why}`)
      }
      const path = join(this.root, file)
      const text = readFileSync(path, 'utf8')
      if (!this.#planted.has(path)) this.#planted.set(path, text)
      // A function, because `$` is special in a replacement string.
      writeFileSync(
        path,
        text.replace(from, () => to),
      )
    }
  }

  /** Removes the planted bug. */
  restore(): void {
    for (const [path, text] of this.#planted) writeFileSync(path, text)
    this.#planted.clear()
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}
