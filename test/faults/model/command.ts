import assert from 'node:assert/strict'
import type { AsyncCommand } from 'fast-check'
import { catalogue } from '../../../src/errors/catalogue.ts'
import type { Answer } from '../../support/http/service.ts'
import { type Expected, type Model, moveClock } from './model.ts'
import type { ServiceUnderTest } from './service-under-test.ts'

export type ModelCommand = AsyncCommand<Model, ServiceUnderTest>

/** A command that can run in any state: it chooses its operands from the model when it runs. */
export function command(
  name: string,
  options: object,
  run: (model: Model, service: ServiceUnderTest) => Promise<void>,
): ModelCommand {
  return {
    check: () => true,
    async run(model, service) {
      service.steps++
      await run(model, service)
      assert.equal(service.clock.now(), model.now, 'the clocks agree')
    },
    toString: () => `${name}(${JSON.stringify(options)})`,
  }
}

/** Lets the same time pass for the model and the service. */
export async function passTime(model: Model, service: ServiceUnderTest, ms: number): Promise<void> {
  moveClock(model, ms)
  await service.passTime(ms)
}

/** Cuts the position from INVALID_JSON messages, which the model does not know. */
function readBody(text: string): unknown {
  const { message } = catalogue.INVALID_JSON
  return JSON.parse(text, (_key, value) => (String(value).startsWith(`${message}: `) ? message : value))
}

/** Status, body and headers have to be those of the model. */
export function checkAnswer(answer: Answer, expected: Expected): void {
  const { status, body, location, replayed = false } = expected
  const isText = typeof body === 'string'
  assert.deepEqual(
    {
      status: answer.statusCode,
      body: isText || answer.body === '' ? answer.body : readBody(answer.body),
      location: answer.headers.location,
      replayed: answer.headers['idempotent-replayed'] === 'true',
    },
    { status, body, location, replayed },
  )
}
