/**
 * Submits the formula (or the list) in a file, exactly once, however often it is run and wherever it was cut off:
 *
 *   node examples/submit.ts order-4711.json
 *
 * SERVICE_URL and API_KEY come from the environment. Exit codes: 0 added, 1 refused, 2 known already.
 */
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const SERVICE = process.env.SERVICE_URL ?? 'http://127.0.0.1:3000'
const ACCESS: Record<string, string> = process.env.API_KEY ? { authorization: `Bearer ${process.env.API_KEY}` } : {}

/** How long to wait for an answer: longer than the service takes over one. */
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
 * The key of the submission in this file. It is chosen once, and on disk before anything is sent: a key that is made up
 * anew after a crash would submit anew. Where your orders have numbers of their own, such a number is a good key.
 */
function keyOf(file: string): string {
  const path = `${file}.key`
  if (!existsSync(path)) {
    writeFileSync(`${path}.new`, randomUUID(), { flush: true })
    renameSync(`${path}.new`, path)
  }
  return readFileSync(path, 'utf8')
}

/** Sends a submission until the service has decided on it: the same bytes under the same key each time. */
export async function submit(body: string, key: string): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const answer = await post(body, key)
    if (answer !== null && !mayPass(answer)) return judge(answer)
    // Nobody knows whether it was taken in. The key makes it safe to ask again.
    const asked = answer?.retryAfterMs ?? 0
    const pause = Math.max(asked, Math.random() * Math.min(LONGEST_PAUSE_MS, 200 * 2 ** attempt))
    console.error(`${answer?.status ?? 'no answer'}: again in ${Math.ceil(pause)} ms`)
    await sleep(pause)
  }
}

/** @returns null when no whole answer came */
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

/** An answer that is no JSON is one of a proxy; its status says enough. */
function parse(text: string): Partial<Answer> {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

/** Whether the same request may have another answer later. */
const mayPass = ({ status, code }: Answer): boolean =>
  status >= 500 || status === 408 || status === 429 || code === 'IDEMPOTENCY_KEY_IN_USE'

function judge({ status, code, details, formulas }: Answer): Outcome {
  if (status === 200 && formulas.length > 0) return { kind: 'added', ids: formulas.map(({ id }) => id) }
  // The composition is there, perhaps under another name: each problem has the id of the stored formula.
  if (code === 'FORMULA_EXISTS') return { kind: 'known', problems: details }
  // 400: correct the formula; the key is still free. 422: the file was changed after it was accepted, so it is a new
  // submission and needs a new key. 401, 403: see to the API key. 413: send fewer formulas at once.
  return { kind: 'refused', status, code, problems: details }
}

if (import.meta.main) {
  const file = process.argv[2]
  if (file === undefined || !existsSync(file)) {
    console.error(file === undefined ? 'Usage: node examples/submit.ts <file>' : `There is no file ${file}`)
    process.exit(1)
  }
  // The text goes out as it is: a parser that reads numbers as doubles would change concentrations.
  const outcome = await submit(readFileSync(file, 'utf8'), keyOf(file))
  console.log(JSON.stringify(outcome))
  process.exitCode = { added: 0, refused: 1, known: 2 }[outcome.kind]
}
