type OnError = (error: unknown, type: string) => void

/** The tests that are not over; the first is the file, which holds all others. */
const tests: Domain[] = []

/** Replaces the one of `async-hook-domain`: an uncaught error or rejection fails the whole file. */
export class Domain {
  readonly onerror: OnError

  constructor(onerror: OnError) {
    this.onerror = onerror
    tests.push(this)
  }

  destroy(): void {
    const at = tests.indexOf(this)
    if (at >= 0) tests.splice(at, 1)
  }
}

process.setUncaughtExceptionCaptureCallback((error) => {
  if (tests[0] === undefined) throw error
  tests[0].onerror(error, 'uncaughtException')
})
