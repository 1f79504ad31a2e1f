import { setTimeout as pause } from 'node:timers/promises'

/**
 * Waits until a condition holds.
 * @param everyMs the polling interval, in milliseconds; without one, polling may starve what it waits for
 */
export async function until(holds: () => boolean | Promise<boolean>, everyMs = 10): Promise<void> {
  while (!(await holds())) await pause(everyMs)
}
