import { checkAnswer } from './command.ts'
import { checkReceived, checkStats, post } from './event-commands.ts'
import { getFormula, type Model, passTime } from './model.ts'
import { isReady } from './model-queue.ts'
import { readList } from './read-commands.ts'
import type { ServiceUnderTest } from './service-under-test.ts'

/** Longer than any lease and any delay, in milliseconds. */
const ALL_ENDED_MS = 43_201_000

/** Lists everything there is, ends what waits, and takes every event out. */
export async function compareAll(model: Model, service: ServiceUnderTest): Promise<void> {
  await readList(model, service, 'formulas', { limit: 50 })
  for (const { id } of model.formulas) {
    checkAnswer(await service.send({ method: 'GET', url: `/formulas/${id}` }), getFormula(model, id))
  }
  checkAnswer(await service.send({ method: 'GET', url: '/cleanups' }), { status: 200, body: { cleanups: [] } })
  for (const ms of [0, ALL_ENDED_MS]) {
    passTime(model, ms)
    await service.passTime(ms)
    await checkStats(model, service)
    await readList(model, service, 'dead', { limit: 50 })
  }
  while (isReady(model.queue)) {
    checkReceived(model, await post(service, '/events/receive', { max: 100, leaseSeconds: 43_200 }), 100, 43_200)
  }
  await checkStats(model, service)
}
