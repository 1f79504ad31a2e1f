/**
 * Submits the formula (or the list) in a file exactly once, no matter how often it runs or where it was interrupted:
 *
 *   node examples/submit.ts order-4711.json
 *
 * Reads SERVICE_URL and API_KEY from the environment. Exit codes: 0 added, 1 refused, 2 already stored.
 */
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const SERVICE = process.env.SERVICE_URL ?? 'http://127.0.0.1:3000'
const ACCESS: Record<string, string> = process.env.API_KEY ? { authorization: `Bearer ${process.env.API_KEY}` } : {}

/** Longer than the service takes for any answer. */
const TIMEOUT_MS = 60_000
const LONGEST_PAUSE_MS = 10_000

interface Problem {
  path: string
  code: string
  message: string
  id?: string
}

interface Answer {
  status: number
  retryAfterMs: number
  code: string
  details: Problem[]
  formulas: { id: string }[]
}

type Outcome =
  | { kind: 'added'; ids: string[] }
  | { kind: 'known'; problems: Problem[] }
  | { kind: 'refused'; status: number; code: string; problems: Problem[] }

/**
 * Returns the idempotency key for this file. It is chosen once and saved before anything is sent: a new key after a crash
 * would submit the file again. If your orders have unique numbers, use such a number instead.
 */
function keyOf(file: string): string {
  const path = `${file}.key`
  if (!existsSync(path)) {
    writeFileSync(`${path}.new`, randomUUID(), { flush: true })
    renameSync(`${path}.new`, path)
  }
  return readFileSync(path, 'utf8')
}

/** Repeats the request, with the same bytes and the same key, until it has a final answer. */
export async function submit(body: string, key: string): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const answer = await post(body, key)
    if (answer !== null && !isTransient(answer)) return toOutcome(answer)
    // It is unknown whether the formulas were stored. The key makes it safe to ask again.
    const asked = answer?.retryAfterMs ?? 0
    const pause = Math.max(asked, Math.random() * Math.min(LONGEST_PAUSE_MS, 200 * 2 ** attempt))
    console.error(`${answer?.status ?? 'no answer'}: again in ${Math.ceil(pause)} ms`)
    await sleep(pause)
  }
}

/** @returns null when there was no complete answer */
async function post(body: string, key: string): Promise<Answer | null> {
  const headers = { ...ACCESS, 'content-type': 'application/json', 'idempotency-key': key }
  const init = { method: 'POST', headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) }
  try {
    const response = await fetch(`${SERVICE}/formulas`, init)
    const { code = '', details = [], formulas = [] } = parse(await response.text())
    const retryAfterMs = (Number(response.headers.get('retry-after')) || 0) * 1000
    return { status: response.status, retryAfterMs, code, details, formulas }
  } catch {
    return null
  }
}

/** Ignores a body that is not JSON: it comes from a proxy, and the status is enough. */
function parse(text: string): Partial<Answer> {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

/** Whether the same request may get another answer later. */
const isTransient = ({ status, code }: Answer): boolean =>
  status >= 500 || status === 408 || status === 429 || code === 'IDEMPOTENCY_KEY_IN_USE'

function toOutcome({ status, code, details, formulas }: Answer): Outcome {
  if (status === 200 && formulas.length > 0) return { kind: 'added', ids: formulas.map(({ id }) => id) }
  // The composition is stored already, maybe under another name: each problem has the id of the stored formula.
  if (code === 'FORMULA_EXISTS') return { kind: 'known', problems: details }
  // 400: correct the formula; the key can be used again. 422: the file was changed after it was accepted, so it is a new
  // submission and needs a new key. 401, 403: check the API key. 413: send fewer formulas at once.
  return { kind: 'refused', status, code, problems: details }
}

if (import.meta.main) {
  const file = process.argv[2]
  if (file === undefined || !existsSync(file)) {
    console.error(file === undefined ? 'Usage: node examples/submit.ts <file>' : `There is no file ${file}`)
    process.exit(1)
  }
  // Send the text unparsed: a parser that reads numbers as doubles would change concentrations.
  const outcome = await submit(readFileSync(file, 'utf8'), keyOf(file))
  console.log(JSON.stringify(outcome))
  process.exitCode = { added: 0, refused: 1, known: 2 }[outcome.kind]
}
