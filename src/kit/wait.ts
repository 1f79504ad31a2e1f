import type { Clock } from './clock.ts'

/**
 * Waits for `promise`, but at most `ms` milliseconds and only until `signal` is aborted.
 * @param promise must not reject
 * @returns its value, or why there is none
 */
export function waitFor<T>(
  promise: Promise<T>,
  ms: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<T | 'late' | 'stopped'> {
  if (signal.aborted) return Promise.resolve('stopped')
  return new Promise((resolve) => {
    const end = (result: T | 'late' | 'stopped'): void => {
      cancel()
      signal.removeEventListener('abort', stopped)
      resolve(result)
    }
    const stopped = (): void => end('stopped')
    const cancel = clock.after(ms, () => end('late'))
    signal.addEventListener('abort', stopped)
    promise.then(end)
  })
}
