import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Case } from './cases.ts'
import type { Endurance } from './endurance.ts'
import type { Generator } from './load/generator.ts'
import type { Machine } from './machine.ts'
import type { Million } from './million.ts'
import type { Overload } from './overload.ts'
import type { PostgresFigures } from './postgres/part.ts'
import type { Sweep } from './sweep.ts'
import type { Figure } from './under.ts'

/** What the contenders came to in one case. */
export interface CaseFigures extends Pick<Case, 'name' | 'title'> {
  unit: string
  figures: Figure[]
}

/** What was measured; the parts that a run leaves out are absent. */
export interface Measured {
  cases: CaseFigures[]
  million?: Million
  overload?: Overload
  sweep?: Sweep
  endurance?: Endurance
  postgres?: PostgresFigures
}

/** A goal, what came of it, and whether that holds. */
export interface Judged {
  goal: string
  figure: string
  holds: boolean
}

/** All that is kept of a run. */
export interface BenchRecord extends Measured {
  date: string
  commit: string
  machine: Machine
  generator: Pick<Generator, 'name' | 'version'>
  contenders: Record<string, string>
  extents: object
  goals: Judged[]
}

const FOLDER = join(import.meta.dirname, '..', 'docs', 'performance')

/** Writes a run and its picture beside the page that shows them. */
export function keep(name: string, record: BenchRecord, picture: string | undefined): void {
  mkdirSync(FOLDER, { recursive: true })
  const file = join(FOLDER, `${name}.json`)
  writeFileSync(file, `${JSON.stringify(record, shortened, 2)}\n`)
  if (picture !== undefined) writeFileSync(join(FOLDER, `${name}.svg`), picture)
  // Or `npm run lint` would find fault with it.
  execFileSync(process.execPath, [
    createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome'),
    'format',
    '--write',
    file,
  ])
}

/** Digits behind the point that no measurement has are noise for the reader. */
function shortened(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value
}
