import { isFingerprint } from '../../formula/identity.ts'
import type { OpenAttempt } from '../ports.ts'
import type { DeadLetters } from './queue/dead-letters.ts'
import { openAttempts, type Tables } from './submission-commands.ts'

/** Commands that erase a formula: with its event, which is in this file too, or as the first step of an erasure. */
export function erasureCommands(tables: Tables, dead: DeadLetters) {
  const { formulas, writer, intents, pending, traces } = tables
  const { toOpen } = openAttempts(tables)

  /** @returns its sequence number; null when there is no such formula */
  function erase(id: string): number | null {
    const formula = isFingerprint(id) ? formulas.get(id) : null
    if (formula === null) return null
    writer.erase(id, formula.seq)
    traces.inLog = true
    return formula.seq
  }

  function owed(id: string): OpenAttempt | null {
    const erasureId = isFingerprint(id) ? pending.erasureOf(id) : null
    const intent = erasureId === null ? null : intents.get(erasureId)
    return intent === null ? null : toOpen(intent)
  }

  return {
    eraseFormula(_now: number, id: string): boolean {
      const seq = erase(id)
      if (seq !== null) dead.erase(id, seq)
      return seq !== null
    },
    startErasure(now: number, erasureId: string, id: string): OpenAttempt | null {
      const seq = erase(id)
      if (seq !== null) {
        intents.addErasure(now, erasureId, { id, seq })
        pending.add(erasureId, [{ id, searchKey: '', document: '' }])
      }
      return owed(id)
    },
    eraseEvent(_now: number, id: string, seq: number): void {
      traces.inLog = true
      dead.erase(id, seq)
    },
  }
}
