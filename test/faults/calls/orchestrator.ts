import { randomUUID } from 'node:crypto'
import type { Stores } from '../../../src/stores/ports.ts'
import { UNTRACED } from '../../../src/submission/options.ts'
import { Orchestrator } from '../../../src/submission/orchestrator.ts'
import type { World } from './world.ts'

/** What stands for a process of the service: all of it that a submission meets behind HTTP. */
export function startOrchestrator(stores: Stores, { clock }: World): Orchestrator {
  const log = { warn: () => {}, error: () => {} }
  const limits = { retries: 3, baseMs: 1_000, maxMs: 10_000, deadlineMs: 30_000, waitMs: 10_000, retentionMs: 0 }
  return new Orchestrator(stores, { ...limits, clock, random: () => 0.5, newId: randomUUID, log, tracer: UNTRACED })
}
