import { faultIn } from './verdict.ts'

/** An answer, read and judged by its form. */
export interface Asked {
  status: number
  body: { code?: string; details?: { path: string }[]; [field: string]: unknown }
  text: string
  /** What is wrong with its form; null when nothing is. */
  fault: string | null
}

/** Sends a request, a POST where there is a body, and judges the form of its answer. */
export async function ask(url: string, path: string, body?: unknown, key?: string): Promise<Asked> {
  const headers = { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) }
  const request = { method: 'POST', headers, body: JSON.stringify(body) }
  const answer = await fetch(`${url}${path}`, body === undefined ? {} : request)
  const text = await answer.text()
  const fault = faultIn({ status: answer.status, headers: new Map(answer.headers), body: text })
  return { status: answer.status, body: text === '' ? {} : JSON.parse(text), text, fault }
}
