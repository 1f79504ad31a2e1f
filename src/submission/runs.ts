import type { StoredAnswer, Submission } from '../stores/ports.ts'

/** A submission that runs, or whose rollback is owed: it holds its key. */
export interface Run {
  readonly payload: string
  /** The answer that was kept, or null when the key is free again. */
  readonly ended: Promise<StoredAnswer | null>
  /** Its attempts have failed and what they may have left is not yet rolled back. */
  owed: boolean
}

type Holder = Pick<Submission, 'caller' | 'key'>

/** The submissions of this process that hold a key, one for each. */
export class Runs {
  readonly #byKey = new Map<string, Run>()
  readonly #ends = new Map<Run, (answer: StoredAnswer | null) => void>()

  of(holder: Holder): Run | undefined {
    return this.#byKey.get(slot(holder))
  }

  /** The key must be free. */
  begin(submission: Submission): Run {
    const { promise, resolve } = Promise.withResolvers<StoredAnswer | null>()
    const run: Run = { payload: submission.payload, ended: promise, owed: false }
    this.#byKey.set(slot(submission), run)
    this.#ends.set(run, (answer) => {
      this.#byKey.delete(slot(submission))
      resolve(answer)
    })
    return run
  }

  end(run: Run, answer: StoredAnswer | null): void {
    this.#ends.get(run)?.(answer)
    this.#ends.delete(run)
  }
}

const slot = ({ caller, key }: Holder): string => `${caller}\0${key}`
