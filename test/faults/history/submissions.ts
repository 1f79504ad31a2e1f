import type { Reply } from './send.ts'

export interface FormulaBody {
  name: string
  materials: { name: string; concentration: string | number }[]
}

export type OnDuplicate = 'reject' | 'skip'

/** One POST of a submission. Times are ticks of the history. */
export interface Try {
  sent: number
  /** Null while pending, and forever if the connection was cut: the outcome is unknown. */
  answer: { at: number; reply: Reply } | null
}

/** One key with one payload, sent once or more. */
export interface Submission {
  key: string
  body: FormulaBody | FormulaBody[]
  onDuplicate: OnDuplicate
  formulas: FormulaBody[]
  tries: Try[]
}

export type Report = (violation: string) => void

/** A cache: each check asks for the same ones. */
const compositions = new WeakMap<FormulaBody['materials'], string>()

/** Equal for formulas with the same composition. */
export function compositionOf(materials: FormulaBody['materials']): string {
  const known = compositions.get(materials)
  if (known !== undefined) return known
  const lines = materials.map(({ name, concentration }) => `${name} ${Number(concentration)}`).sort()
  const composition = JSON.stringify(lines)
  compositions.set(materials, composition)
  return composition
}

/** Whether the service stores the answer for replays. */
export const isKept = ({ status, body }: Reply): boolean =>
  status === 200 || (status === 409 && body.includes('"FORMULA_EXISTS"'))

export const isReplay = ({ headers }: Reply): boolean => headers['idempotent-replayed'] === 'true'

const keptOf = ({ answer }: Try): Reply | null => (answer !== null && isKept(answer.reply) ? answer.reply : null)

/** The stored answer of a submission, if a client has got it. */
export function decided({ tries }: Submission): Reply | null {
  for (const sent of tries) {
    const kept = keptOf(sent)
    if (kept !== null) return kept
  }
  return null
}

/** When it was first sent; it cannot have been accepted before. */
const firstSent = ({ tries }: Submission): number => Math.min(...tries.map(({ sent }) => sent))

/** When its stored answer was first received; Infinity if never. */
const firstAnswered = ({ tries }: Submission): number =>
  Math.min(...tries.map((sent) => (keptOf(sent) ? (sent.answer?.at ?? Infinity) : Infinity)))

/** All submissions and their answers. */
export class Submissions {
  readonly #byKey = new Map<string, Map<string, Submission>>()
  /** By the names of their formulas, which are unique. */
  readonly byName = new Map<string, Submission>()

  all(): Submission[] {
    return [...this.#byKey.values()].flatMap((payloads) => [...payloads.values()])
  }

  begin(tick: number, header: string, body: FormulaBody | FormulaBody[], onDuplicate: OnDuplicate) {
    const key = header.replace(/^"(.*)"$/, '$1')
    const formulas = [body].flat()
    const payloads = this.#byKey.get(key) ?? new Map<string, Submission>()
    this.#byKey.set(key, payloads)
    const payload = JSON.stringify([
      onDuplicate,
      formulas.map(({ name, materials }) => [name, compositionOf(materials)]),
    ])
    const submission = payloads.get(payload) ?? { key, body, onDuplicate, formulas, tries: [] }
    payloads.set(payload, submission)
    for (const { name } of formulas) {
      const other = this.byName.get(name)
      if (other !== undefined && other !== submission) throw new Error(`${name} has been submitted under another key`)
      this.byName.set(name, submission)
    }
    const sent: Try = { sent: tick, answer: null }
    submission.tries.push(sent)
    return { submission, sent }
  }

  /**
   * Checks an order of formulas or of their events: one whose answer came before another was sent must come first.
   * @param report called with the name of such a formula, and with that of the other
   */
  judgeOrder(inOrder: { name: string }[], report: (early: string, late: string) => void): void {
    let latest = { sent: -1, name: '' }
    for (const { name } of inOrder) {
      const submission = this.byName.get(name)
      if (submission === undefined) continue
      if (firstAnswered(submission) < latest.sent) report(name, latest.name)
      if (firstSent(submission) > latest.sent) latest = { sent: firstSent(submission), name }
    }
  }

  /** Records an answer, and reports one that contradicts earlier ones. */
  answer(tick: number, submission: Submission, sent: Try, reply: Reply, report: Report): void {
    const before = decided(submission)
    sent.answer = { at: tick, reply }
    const say = (what: string): void => report(`key ${submission.key}: ${what}: ${reply.status} ${reply.body}`)
    if (isKept(reply)) this.#checkKept(submission, before, reply, say)
    else if (reply.status === 422) {
      if (this.#others(submission).length === 0) say('reused by nobody')
      if (firstAnswered(submission) < sent.sent) say('refused after it was answered')
    } else if (reply.status === 409 && reply.body.includes('"IDEMPOTENCY_KEY_IN_USE"')) {
      if (submission.tries.length === 1 && this.#others(submission).length === 0) say('in use by nobody')
    } else if (reply.status !== 503) say('unexpected answer')
  }

  #checkKept(submission: Submission, before: Reply | null, reply: Reply, say: Report): void {
    if (before !== null && before.body !== reply.body) say(`answered with other bytes than ${before.body}`)
    if (before !== null && before.status !== reply.status) say(`answered with another status than ${before.status}`)
    if (before !== null && before.headers.location !== reply.headers.location) say('answered with another Location')
    const originals = submission.tries.filter((sent) => {
      const kept = keptOf(sent)
      return kept !== null && !isReplay(kept)
    })
    if (originals.length > 1) say('carried out twice')
    if (this.#others(submission).some((other) => decided(other) !== null)) say('answered for two payloads')
  }

  #others(submission: Submission): Submission[] {
    return [...(this.#byKey.get(submission.key)?.values() ?? [])].filter((other) => other !== submission)
  }

  /** See ClientHistory.asOf. */
  asOf(answered: number, sent: number): Submissions {
    const copy = new Submissions()
    for (const submission of this.all()) {
      const tries = submission.tries
        .filter((one) => one.sent <= sent)
        .map((one) => ({ ...one, answer: one.answer !== null && one.answer.at <= answered ? one.answer : null }))
      if (tries.length === 0) continue
      const { key, body, onDuplicate } = submission
      const { submission: earlier } = copy.begin(0, key, body, onDuplicate)
      earlier.tries = tries
    }
    return copy
  }
}
