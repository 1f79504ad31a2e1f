import type { Check, Mutant } from './mutant.ts'
import { type CheckResult, runCheck } from './run-check.ts'
import type { TreeCopy } from './tree-copy.ts'

/** The result of a planted bug. */
export interface Trial {
  caught: boolean
  /** One line. */
  told: string
  seconds: number
}

export const titleOf = ([file, ...names]: Check): string => `${file} › ${names.join(' › ')}`

/** Plants a bug, runs the check that has to catch it, and takes the bug out again. */
export async function tryMutant(copy: TreeCopy, { edits, caughtBy }: Mutant): Promise<Trial> {
  const begun = performance.now()
  const end = (caught: boolean, told: string): Trial => ({ caught, told, seconds: secondsSince(begun) })
  try {
    copy.plant({ edits })
    return end(...judge(await runCheck(copy.root, caughtBy), caughtBy))
  } catch (error) {
    return end(false, (error as Error).message)
  } finally {
    copy.restore()
  }
}

function judge(result: CheckResult, caughtBy: Check): [caught: boolean, told: string] {
  const check = titleOf(caughtBy)
  switch (result.kind) {
    case 'passed':
      return [false, `survived ${check}`]
    case 'skipped':
      return [false, `${check} is skipped: ${result.why}`]
    case 'not run':
      return [false, `${check} did not run: ${result.output}`]
    case 'failed': {
      const beside = result.beside === 0 ? '' : `, and ${result.beside} more beside it`
      return [true, `caught by ${check} (${result.why}${beside})`]
    }
  }
}

export const secondsSince = (begun: number): number => Math.round((performance.now() - begun) / 100) / 10
