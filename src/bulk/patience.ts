import { backoffMs } from '../kit/backoff.ts'
import { type Clock, type Random, sleep } from '../kit/clock.ts'
import { type Answer, NeverAnswers, NoAnswer } from './service.ts'

/** How long, and until what, a request is sent again. */
export interface Patience {
  clock: Clock
  random: Random
  /** Ends all waiting: nothing is sent again. */
  stop: AbortSignal
  /** Infinity: for ever. */
  giveUpAfterMs: number
  /** Told why a request has to wait, and with null that it has an answer after all. */
  onWait: (reason: string | null) => void
}

/** It was told to stop before there was an answer. */
export class Interrupted extends Error {}

/** The service did not answer, or had no time, for too long. */
export class GaveUp extends Error {}

/** What the service said leaves nothing to try. */
export class CannotGoOn extends Error {}

const PAUSE = { baseMs: 200, maxMs: 10_000 }

/**
 * Sends a request, the very same each time, until the service has made up its mind about it.
 * @returns an answer that would not change by asking again
 * @throws {Interrupted | GaveUp | CannotGoOn}
 */
export async function untilAnswered(ask: () => Promise<Answer>, patience: Patience): Promise<Answer> {
  const { clock, random, stop, giveUpAfterMs, onWait } = patience
  const begun = clock.now()
  for (let failures = 1; ; failures++) {
    const { answer, reason } = await attempt(ask)
    if (answer !== null && reason === null) {
      if (failures > 1) onWait(null)
      refuseAccess(answer)
      return answer
    }
    if (stop.aborted) throw new Interrupted()
    if (clock.now() - begun >= giveUpAfterMs) throw new GaveUp(`Gave up: ${reason}`)
    onWait(reason)
    await sleep(clock, Math.max(answer?.retryAfterMs ?? 0, backoffMs(failures, PAUSE, random)), stop)
    if (stop.aborted) throw new Interrupted()
  }
}

/** @returns with a `reason` when it should be sent again */
async function attempt(ask: () => Promise<Answer>): Promise<{ answer: Answer | null; reason: string | null }> {
  try {
    const answer = await ask()
    return { answer, reason: isPassing(answer) ? describe(answer) : null }
  } catch (error) {
    if (error instanceof NeverAnswers) throw new CannotGoOn(error.message)
    if (!(error instanceof NoAnswer)) throw error
    return { answer: null, reason: error.message }
  }
}

const isPassing = ({ status, body }: Answer): boolean =>
  status >= 500 || status === 408 || status === 429 || (status === 409 && codeOf(body) === 'IDEMPOTENCY_KEY_IN_USE')

function refuseAccess(answer: Answer): void {
  if (answer.status !== 401 && answer.status !== 403) return
  throw new CannotGoOn(`The service refuses the API key: ${describe(answer)}`)
}

/** An answer in a few words. */
export function describe({ status, body }: Answer): string {
  const { code, message } = (body ?? {}) as { code?: string; message?: string }
  return [status, code, message].filter((part) => part !== undefined).join(' ')
}

/** The code of an error answer. */
export const codeOf = (body: unknown): string | undefined => (body as { code?: string } | null)?.code
