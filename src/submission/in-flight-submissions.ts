import type { StoredAnswer, Submission } from '../stores/ports.ts'

type Holder = Pick<Submission, 'caller' | 'key'>

/** A submission that runs, or whose rollback is owed: it holds its key. */
export class Run {
  readonly submissionId: string
  readonly payload: string
  readonly slot: string
  /** Its attempts have failed and what they may have left is not yet rolled back. */
  owed = false
  #end: PromiseWithResolvers<StoredAnswer | null> | undefined

  constructor(submissionId: string, payload: string, slot: string) {
    this.submissionId = submissionId
    this.payload = payload
    this.slot = slot
  }

  /** The answer that was kept, or null when the key is free again. */
  get ended(): Promise<StoredAnswer | null> {
    this.#end ??= Promise.withResolvers()
    return this.#end.promise
  }

  end(answer: StoredAnswer | null): void {
    this.#end?.resolve(answer)
  }
}

/** The submissions of this process that hold a key, one for each. */
export class InFlightSubmissions {
  readonly #bySlot = new Map<string, Run>()

  of(holder: Holder): Run | undefined {
    return this.#bySlot.get(slotOf(holder))
  }

  /** The key must be free. */
  begin(submission: Submission): Run {
    const run = new Run(submission.id, submission.payload, slotOf(submission))
    this.#bySlot.set(run.slot, run)
    return run
  }

  end(run: Run, answer: StoredAnswer | null): void {
    this.#bySlot.delete(run.slot)
    run.end(answer)
  }
}

const slotOf = ({ caller, key }: Holder): string => `${caller}\0${key}`
