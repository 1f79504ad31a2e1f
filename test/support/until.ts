import { setTimeout as pause } from 'node:timers/promises'

/**
 * Waits until something is so.
 * @param lookMs how often it is looked at, in milliseconds: without a pause, the looking leaves no time for it to come about
 */
export async function until(isSo: () => boolean | Promise<boolean>, lookMs = 10): Promise<void> {
  while (!(await isSo())) await pause(lookMs)
}
