import type { Answer } from '../stores/ports.ts'

/** A submission that holds its key: it runs, or its rollback is pending. */
export class KeyHolder {
  readonly submissionId: string
  readonly payload: string
  readonly scopedKey: string
  readonly submittedAt: number
  /** Its attempts have failed, and what they may have left is not rolled back yet. */
  rollbackPending = false
  /** The number of erasures that was known before it ran. */
  readonly erasures: number
  #released: PromiseWithResolvers<Answer | null> | undefined

  constructor(holder: Pick<KeyHolder, 'submissionId' | 'payload' | 'scopedKey' | 'submittedAt' | 'erasures'>) {
    this.submissionId = holder.submissionId
    this.payload = holder.payload
    this.scopedKey = holder.scopedKey
    this.submittedAt = holder.submittedAt
    this.erasures = holder.erasures
  }

  /** Resolves with the stored answer, or with null when the key is free again without one. */
  get released(): Promise<Answer | null> {
    this.#released ??= Promise.withResolvers()
    return this.#released.promise
  }

  release(answer: Answer | null): void {
    this.#released?.resolve(answer)
  }
}
