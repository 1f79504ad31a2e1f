import { errorBody } from '../../../src/errors/service-error.ts'
import type { Reply, Send } from './send.ts'

interface Exchange {
  path: string
  /** The names of the formulas that were submitted. */
  names: string[]
  reply: Reply
}

/** Records the answers to clients, to check the refusals. */
export class Refusals {
  readonly #exchanges: Exchange[] = []

  get answered(): number {
    return this.#exchanges.length
  }

  through(send: Send): Send {
    return async (method, path, headers, body) => {
      const reply = await send(method, path, headers, body)
      const names = headers?.['idempotency-key'] === undefined ? [] : namesIn(JSON.parse(body as string))
      this.#exchanges.push({ path, names, reply })
      return reply
    }
  }

  /** Formulas that were refused because a store failed, and never accepted. */
  get refused(): string[] {
    const submissions = this.#exchanges.filter(({ names }) => names.length > 0)
    const accepted = new Set(submissions.filter(({ reply }) => reply.status < 500).flatMap(({ names }) => names))
    return submissions.flatMap(({ names }) => names).filter((name) => !accepted.has(name))
  }

  /** Failures other than a 503 with the documented body and a Retry-After. */
  get unclean(): string[] {
    return this.#exchanges.filter((exchange) => !isClean(exchange)).map(shown)
  }
}

function isClean({ names, reply: { status, headers, body } }: Exchange): boolean {
  if (status < 500) return true
  const expected = errorBody(names.length > 0 ? 'SUBMISSION_FAILED' : 'STORE_UNAVAILABLE')
  return status === 503 && body === JSON.stringify(expected) && Number(headers['retry-after']) > 0
}

const shown = ({ path, reply: { status, headers, body } }: Exchange): string =>
  `${path} answers ${status} ${body} (Retry-After ${headers['retry-after']})`

const namesIn = (body: { name: string } | { name: string }[]): string[] => [body].flat().map(({ name }) => name)
