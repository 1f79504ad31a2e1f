import assert from 'node:assert/strict'
import type { AsyncCommand } from 'fast-check'
import { catalogue } from '../../../src/errors/catalogue.ts'
import type { Answer } from '../../support/http/service.ts'
import type { Expected, Model } from './model.ts'
import type { ServiceUnderTest } from './service-under-test.ts'

export type ModelCommand = AsyncCommand<Model, ServiceUnderTest>

/** A command that is possible in every state: what it needs, it chooses from what the model has when it runs. */
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

/** Where a body is not JSON is told as well; the model knows only that it is none. */
function readBody(text: string): unknown {
  const { message } = catalogue.INVALID_JSON
  return JSON.parse(text, (_key, value) => (String(value).startsWith(`${message}: `) ? message : value))
}

/** Status, body and the headers that carry meaning have to be those of the model. */
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
