import type { Request } from './requests.ts'

/**
 * Posts requests that prepare a measurement, `atOnce` at a time.
 * @throws {Error} when one is not answered with `status`
 */
export async function post(url: string, requests: Iterable<Request>, atOnce: number, status = 200): Promise<void> {
  const rest = requests[Symbol.iterator]()
  async function client(): Promise<void> {
    for (let next = rest.next(); next.done !== true; next = rest.next()) {
      const { path, key, body } = next.value
      const headers = { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) }
      const response = await fetch(`${url}${path}`, { method: 'POST', headers, body })
      const text = await response.text()
      if (response.status !== status) throw new Error(`${path}: ${response.status} ${text.slice(0, 300)}`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, client))
}
