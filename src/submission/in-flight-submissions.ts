import type { Answer, Submission } from '../stores/ports.ts'
import { slotOf } from './submission.ts'

type KeyHolder = Pick<Submission, 'caller' | 'key'>

/** A submission that holds its key: it runs, or its rollback is pending. */
export class InFlightSubmission {
  readonly submissionId: string
  readonly payload: string
  readonly slot: string
  /** Its attempts have failed, and what they may have left is not rolled back yet. */
  rollbackPending = false
  #end: PromiseWithResolvers<Answer | null> | undefined

  constructor(submissionId: string, payload: string, slot: string) {
    this.submissionId = submissionId
    this.payload = payload
    this.slot = slot
  }

  /** Resolves with the stored answer, or with null when the key is free again without one. */
  get ended(): Promise<Answer | null> {
    this.#end ??= Promise.withResolvers()
    return this.#end.promise
  }

  end(answer: Answer | null): void {
    this.#end?.resolve(answer)
  }
}

/** The submissions of this process that hold a key: at most one for each key. */
export class InFlightSubmissions {
  readonly #bySlot = new Map<string, InFlightSubmission>()

  get(holder: KeyHolder): InFlightSubmission | undefined {
    return this.#bySlot.get(slotOf(holder))
  }

  /** The key must be free. */
  claim(submission: KeyHolder & Pick<Submission, 'id' | 'payload'>): InFlightSubmission {
    const claim = new InFlightSubmission(submission.id, submission.payload, slotOf(submission))
    this.#bySlot.set(claim.slot, claim)
    return claim
  }

  /** Frees the key. @param answer the answer stored under it; null when there is none */
  release(claim: InFlightSubmission, answer: Answer | null): void {
    this.#bySlot.delete(claim.slot)
    claim.end(answer)
  }
}
