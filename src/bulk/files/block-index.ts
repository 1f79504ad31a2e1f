import { hash } from 'node:crypto'
import type { Block } from './formula-blocks.ts'
import { UnreadableFile } from './row.ts'

/** Most places of a formula that a message names. */
const SHOWN = 20

/** What becomes of a block, by what stands elsewhere in the file. */
export type Verdict = { kind: 'whole' } | { kind: 'told' } | { kind: 'refused'; message: string }

interface Places {
  /** The number of the first block of the formula. */
  first: number
  shown: string[]
  count: number
}

/**
 * Knows after a first reading which formulas are not one block. Of each block it keeps 16 bytes, or 24 where there
 * are ids; of rows nothing.
 */
export class BlockIndex {
  readonly #keys = new Column64()
  readonly #names: Column64 | null
  /** The first line and the last one, in 32 bits each. */
  readonly #lines = new Column64()
  #apart = new Map<bigint, Places>()
  #mixed = new Set<bigint>()

  /** @param hasId whether some blocks may have an id and others none */
  constructor(hasId: boolean) {
    this.#names = hasId ? new Column64() : null
  }

  add(block: Block): void {
    this.#keys.push(keyOf(block))
    this.#names?.push(nameOf(block))
    this.#lines.push(linesOf(block))
  }

  /** Finds the formulas that are not one block. */
  close(): void {
    const repeated = repeatedIn(this.#keys)
    for (let number = 0; number < this.#keys.length; number++) {
      const key = this.#keys.at(number)
      if (repeated.has(key)) this.#addPlace(key, number)
    }
    if (this.#names !== null) this.#mixed = mixedIn(this.#keys, this.#names)
  }

  /**
   * @param number how many blocks stand before this one
   * @throws {UnreadableFile} when it is not the block that the first reading found there
   */
  verdict(block: Block, number: number): Verdict {
    const key = keyOf(block)
    const isSame = number < this.#keys.length && this.#keys.at(number) === key
    if (!isSame || this.#lines.at(number) !== linesOf(block)) {
      throw new UnreadableFile('The file has changed while it was read')
    }
    const places = this.#apart.get(key)
    if (places !== undefined) return places.first === number ? { kind: 'refused', message: apart(places) } : TOLD
    return this.#mixed.has(nameOf(block)) ? { kind: 'refused', message: mixed(block) } : WHOLE
  }

  #addPlace(key: bigint, number: number): void {
    const places = this.#apart.get(key) ?? { first: number, shown: [], count: 0 }
    const [first, last] = [this.#lines.at(number) >> 32n, BigInt.asUintN(32, this.#lines.at(number))]
    places.count++
    if (places.count <= SHOWN) places.shown.push(first === last ? `${first}` : `${first}–${last}`)
    this.#apart.set(key, places)
  }
}

const WHOLE: Verdict = { kind: 'whole' }
const TOLD: Verdict = { kind: 'told' }

function apart({ shown, count }: Places): string {
  const more = count > SHOWN ? ` and ${count - SHOWN} more places` : ''
  return (
    `Rows of this formula stand apart, on lines ${shown.join(', ')}${more}. ` +
    'Bring them together, or give each formula an id of its own'
  )
}

const mixed = ({ name }: Block): string =>
  `Some rows of ${JSON.stringify(name)} have an id and others have none. Give all of them one, or none`

/** Stands for a row that names no formula. */
const NOBODY = 0n

function keyOf({ id, nameKey }: Block): bigint {
  if (id !== '') return digest(`id ${id}`)
  return nameKey === '' ? NOBODY : digest(`name ${nameKey}`)
}

const nameOf = ({ nameKey }: Block): bigint => (nameKey === '' ? NOBODY : digest(`name ${nameKey}`))

const linesOf = ({ firstLine, lastLine }: Block): bigint => (BigInt(firstLine) << 32n) | BigInt(lastLine)

/** 64 bits: among ten million formulas, two share one with a chance of 1 in 370,000. */
const digest = (text: string): bigint => hash('sha256', text, 'buffer').readBigUInt64LE()

/** Numbers of 64 bits, without the memory that each would take as an object. */
class Column64 {
  #values = new BigUint64Array(1024)
  length = 0

  push(value: bigint): void {
    if (this.length === this.#values.length) {
      const larger = new BigUint64Array(this.length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.length++] = value
  }

  at(index: number): bigint {
    return this.#values[index] as bigint
  }

  sorted(): BigUint64Array {
    return this.#values.slice(0, this.length).sort()
  }
}

function repeatedIn(column: Column64): Set<bigint> {
  const sorted = column.sorted()
  const repeated = new Set<bigint>()
  for (let index = 1; index < sorted.length; index++) {
    const value = sorted[index] as bigint
    if (value === sorted[index - 1] && value !== NOBODY) repeated.add(value)
  }
  return repeated
}

/** The names of which some blocks have an id and others have none. */
function mixedIn(keys: Column64, names: Column64): Set<bigint> {
  const [withoutId, mixed] = [new Set<bigint>(), new Set<bigint>()]
  for (let number = 0; number < keys.length; number++) {
    if (keys.at(number) === names.at(number)) withoutId.add(keys.at(number))
  }
  withoutId.delete(NOBODY)
  for (let number = 0; number < keys.length; number++) {
    const name = names.at(number)
    if (keys.at(number) !== name && withoutId.has(name)) mixed.add(name)
  }
  return mixed
}
