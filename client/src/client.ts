import { createHash } from 'node:crypto'
import type { DeriveBody, FormulaPage, StoredFormula, SubmissionState, SubmitAnswer, SubmitBody } from './api.ts'
import { type ConsumeOptions, Consumer, type Handler } from './consumer.ts'
import { type IntakeOptions, Requests, type Timing } from './requests.ts'

export type * from './api.ts'
export type { ConsumeOptions, Consumer, Handler } from './consumer.ts'
export { IntakeError, type IntakeOptions } from './requests.ts'

export interface SubmitOptions {
  /**
   * The idempotency key, such as the number of the order. Default: made from the content, so that the same content is the
   * same submission.
   */
  key?: string
  /** `reject` (default): all or nothing; `skip`: adds the new formulas and reports the others. */
  onDuplicate?: 'reject' | 'skip'
  /** `minimal`: entries have only ids. */
  prefer?: 'minimal' | undefined
  signal?: AbortSignal | undefined
}

export interface Submitted {
  /** In the order of the list. */
  formulas: SubmitAnswer['formulas']
  /** Whether this is the answer to an earlier request with the same key. */
  replayed: boolean
}

export interface ListOptions {
  /** Only names that begin with this. */
  name?: string | undefined
  /** Words of the name or of materials. */
  q?: string | undefined
  /** The whole name of a material. */
  material?: string | undefined
  /** The name of an API key. */
  submittedBy?: string | undefined
  /** The id of the formula that it was derived from. */
  derivedFrom?: string | undefined
  /** Accepted then or later, in ISO 8601 with a time zone. */
  from?: string | undefined
  /** Accepted earlier. */
  to?: string | undefined
  /** How many formulas to fetch at a time. */
  pageSize?: number
  signal?: AbortSignal | undefined
}

/**
 * A client of the formula intake. Every call retries while the service is away, and throws an IntakeError otherwise, or a
 * TypeError when its request cannot be sent, such as one whose key has a character beyond Latin-1.
 */
export class IntakeClient {
  readonly #requests: Requests

  /** @throws {TypeError} when the URL is not one of HTTP */
  constructor(options: IntakeOptions, timing?: Timing) {
    this.#requests = new Requests(options, timing)
  }

  /**
   * Submits a formula or a list exactly once, however often it is called with the same content or key.
   * @param formulas as JSON text, if a concentration has more digits than a number of JavaScript holds
   * @throws {IntakeError} FORMULA_EXISTS for a known composition: `details` has the id of the stored formula
   */
  async submit(formulas: SubmitBody | string, options: SubmitOptions = {}): Promise<Submitted> {
    const { onDuplicate = 'reject', ...rest } = options
    return this.#submit(`/formulas?onDuplicate=${onDuplicate}`, formulas, rest)
  }

  /**
   * Stores a formula made from another, exactly once as `submit` does.
   * @param id of the parent
   * @param derivation as JSON text, if a number has more digits than a number of JavaScript holds
   * @throws {IntakeError} FORMULA_NOT_FOUND; FORMULA_EXISTS for a known composition
   */
  async derive(
    id: string,
    derivation: DeriveBody | string,
    options: Omit<SubmitOptions, 'onDuplicate'> = {},
  ): Promise<Submitted> {
    return this.#submit(`/formulas/${encodeURIComponent(id)}/derive`, derivation, options)
  }

  async #submit(path: string, content: object | string, options: SubmitOptions): Promise<Submitted> {
    const { prefer, signal } = options
    const body = typeof content === 'string' ? content : JSON.stringify(content)
    const key = options.key ?? createHash('sha256').update(`${path} ${body}`).digest('hex')
    const headers = { 'idempotency-key': key, ...(prefer && { prefer: `return=${prefer}` }) }
    const answer = await this.#requests.send<SubmitAnswer>({ path, body, signal, headers })
    return { formulas: answer.body.formulas, replayed: answer.replayed }
  }

  /**
   * How the submission under a key stands.
   * @param key without quotes
   * @throws {IntakeError} SUBMISSION_NOT_FOUND, also while another instance of the service runs it
   */
  async submission(key: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<SubmissionState> {
    return (await this.#requests.send<SubmissionState>({ path: `/submissions/${encodeURIComponent(key)}`, signal }))
      .body
  }

  /** @throws {IntakeError} FORMULA_NOT_FOUND */
  async get(id: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<StoredFormula> {
    return (await this.#requests.send<StoredFormula>({ path: `/formulas/${encodeURIComponent(id)}`, signal })).body
  }

  /** All formulas, or those that have all that is asked for, newest first; pages are fetched as they are needed. */
  async *list(options: ListOptions = {}): AsyncGenerator<StoredFormula> {
    const { pageSize = 100, signal, ...filters } = options
    const query = new URLSearchParams({ limit: String(pageSize) })
    for (const [name, value] of Object.entries(filters)) if (value !== undefined) query.set(name, value)
    for (let next: string | null = ''; next !== null; ) {
      if (next !== '') query.set('cursor', next)
      const { body } = await this.#requests.send<FormulaPage>({ path: `/formulas?${query}`, signal })
      yield* body.formulas
      next = body.nextCursor
    }
  }

  /** Handles the events of a subscription until it is stopped. */
  consume(handler: Handler, options: ConsumeOptions = {}): Consumer {
    return new Consumer(this.#requests, handler, options)
  }
}
