import { hash } from 'node:crypto'
import type { Block } from './formula-blocks.ts'
import { UnreadableFile } from './row.ts'

/** The most line ranges in one message. */
const MAX_RANGES = 20

/** Whether a block is a whole formula, given the rest of the file. `reported`: an earlier block has the message. */
export type BlockStatus = { kind: 'complete' | 'reported' } | { kind: 'refused'; message: string }

/**
 * Built by a first reading of the file; finds the formulas that are not one block. It keeps 32 bytes per block and
 * nothing of the rows.
 */
export class BlockIndex {
  readonly #keys: number[] = []
  readonly #names: number[] = []
  readonly #firstLines: number[] = []
  readonly #lastLines: number[] = []
  /** By the key of a formula with several blocks, their numbers. */
  readonly #scattered = new Map<number, number[]>()
  /** Names of which some blocks have an id and others have none. */
  readonly #mixed = new Set<number>()

  add(block: Block): void {
    this.#keys.push(keyOf(block))
    this.#names.push(nameOf(block))
    this.#firstLines.push(block.firstLine)
    this.#lastLines.push(block.lastLine)
  }

  /** Call once all blocks have been added. */
  close(): void {
    const sorted = Float64Array.from(this.#keys).sort()
    for (const [index, key] of sorted.entries()) {
      if (key !== NAMELESS && key === sorted[index - 1]) this.#scattered.set(key, [])
    }
    const namesWithoutId = new Set(this.#names.filter((name, number) => name === this.#keys[number]))
    for (const [number, key] of this.#keys.entries()) {
      this.#scattered.get(key)?.push(number)
      const name = this.#names[number] as number
      if (key !== name && name !== NAMELESS && namesWithoutId.has(name)) this.#mixed.add(name)
    }
  }

  /**
   * @param number the position of the block in the file, from 0
   * @throws {UnreadableFile} when the first reading found another block there
   */
  statusOf(block: Block, number: number): BlockStatus {
    const key = keyOf(block)
    const isSame =
      key === this.#keys[number] &&
      block.firstLine === this.#firstLines[number] &&
      block.lastLine === this.#lastLines[number]
    if (!isSame) throw new UnreadableFile('The file changed while it was being read')
    const numbers = this.#scattered.get(key)
    if (numbers !== undefined) {
      return number === numbers[0]
        ? { kind: 'refused', message: this.#scatteredMessage(numbers) }
        : { kind: 'reported' }
    }
    if (!this.#mixed.has(nameOf(block))) return { kind: 'complete' }
    const name = JSON.stringify(block.name)
    const message = `Some rows of ${name} have an id and others have none. Give all of them one, or none`
    return { kind: 'refused', message }
  }

  #scatteredMessage(numbers: number[]): string {
    const ranges = numbers.slice(0, MAX_RANGES).map((number) => {
      const [first, last] = [this.#firstLines[number], this.#lastLines[number]]
      return first === last ? `${first}` : `${first}–${last}`
    })
    const more = numbers.length > MAX_RANGES ? ` and ${numbers.length - MAX_RANGES} more places` : ''
    return (
      `The rows of this formula are not together, but on lines ${ranges.join(', ')}${more}. ` +
      'Bring them together, or give each formula an id of its own'
    )
  }
}

/** The key of rows that name no formula. */
const NAMELESS = 0

const keyOf = (block: Block): number => (block.id === '' ? nameOf(block) : digest(`id ${block.id}`))

const nameOf = ({ nameKey }: Block): number => (nameKey === '' ? NAMELESS : digest(`name ${nameKey}`))

/** 53 bits, as a number holds no more: the chance that two of a million formulas collide is 1 in 18,000. */
const digest = (text: string): number => Number(hash('sha256', text, 'buffer').readBigUInt64LE() >> 11n)
