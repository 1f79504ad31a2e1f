/** A write with unknown outcome, and the submissions that it may still store. */
interface WriteInDoubt {
  /** A UUID. */
  id: string
  submissions: string[]
}

/** The writes with unknown outcome, by submission: after an outage there are thousands of both. */
export class WritesInDoubt {
  readonly #bySubmission = new Map<string, Set<WriteInDoubt>>()

  add(write: WriteInDoubt): void {
    for (const submission of write.submissions) {
      const writes = this.#bySubmission.get(submission)
      if (writes === undefined) this.#bySubmission.set(submission, new Set([write]))
      else writes.add(write)
    }
  }

  /** The outcome of the write is known. */
  delete(write: WriteInDoubt): void {
    for (const submission of write.submissions) {
      const writes = this.#bySubmission.get(submission)
      if (writes?.delete(write) && writes.size === 0) this.#bySubmission.delete(submission)
    }
  }

  /** Those that may still store the submission. */
  of(submission: string): WriteInDoubt[] {
    return [...(this.#bySubmission.get(submission) ?? [])]
  }

  /** The outcome of the submission is known. */
  end(submission: string): void {
    this.#bySubmission.delete(submission)
  }
}
