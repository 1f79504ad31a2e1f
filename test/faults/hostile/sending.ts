import type { Test } from 'tap'
import { post } from '../../support/service-process.ts'
import { count } from '../figures.ts'
import { faultIn } from './answers.ts'
import type { BadRequest } from './bad-requests.ts'
import { type Exchange, exchange } from './wire.ts'

const AT_A_TIME = 50

/** Names of accepted formulas. */
export type Accepted = string[]

/**
 * Sends each request on a new connection and checks the answers.
 * @returns the refused requests
 */
export async function sendAll(
  t: Test,
  port: number,
  requests: BadRequest[],
  accepted: Accepted,
): Promise<BadRequest[]> {
  const waiting = [...requests]
  const refused: BadRequest[] = []
  const faults: string[] = []
  const sender = async (): Promise<void> => {
    for (let request = waiting.pop(); request !== undefined && faults.length < 20; request = waiting.pop()) {
      const sent = await answered(port, request)
      const names = namesIn(sent)
      if (isRefused(sent)) refused.push(request)
      accepted.push(...names)
      for (const fault of faultsOf(request, sent)) faults.push(`${request.name}: ${fault}; ${shown(request)}`)
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, sender))
  count('badInputs', requests.length)
  t.same(faults, [], `${requests.length} bad requests`)
  return refused
}

/** Sends a request again if the server hung up while it was sent: its answer may be lost. */
async function answered(port: number, { pieces }: BadRequest): Promise<Exchange> {
  const sent = await exchange(port, pieces)
  return sent.answers.length === 0 && sent.ended === 'reset' ? exchange(port, pieces) : sent
}

/** Whether no answer was stored under its key; a 409 for a duplicate is. */
const isRefused = (sent: Exchange): boolean =>
  sent.answers.length > 0 && namesIn(sent).length === 0 && !sent.answers.some(({ status }) => status === 409)

/** The formulas that it stored. */
function namesIn({ answers }: Exchange): string[] {
  const added = answers.filter(({ body }) => body.startsWith('{"message":"Formula(s) added!"'))
  return added.flatMap(({ body }) =>
    (JSON.parse(body) as { formulas: { name: string }[] }).formulas.map(({ name }) => name),
  )
}

function faultsOf(request: BadRequest, sent: Exchange): string[] {
  const { answers, rest, ended } = sent
  const faults = answers.map(faultIn).filter((fault) => fault !== null)
  if (ended === 'left open') faults.push('neither answered to the end nor cut off')
  if (rest !== '') faults.push(`no answer of HTTP: ${rest.slice(0, 300)}`)
  if (request.either !== true) faults.push(...namesIn(sent).map((name) => `taken: ${name}`))
  return faults
}

/** The start of a request, to repeat it. */
const shown = ({ pieces }: BadRequest): string =>
  JSON.stringify(
    Buffer.concat(pieces.map((piece) => Buffer.from(piece)))
      .toString('latin1')
      .slice(0, 600),
  )

/** The names of all stored formulas. */
export async function everyName(url: string): Promise<string[]> {
  const names: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const from: string = cursor === '' ? '' : `&cursor=${cursor}`
    const answer = await fetch(`${url}/formulas?limit=200${from}`)
    const page = (await answer.json()) as { formulas: { name: string }[]; nextCursor: string | null }
    names.push(...page.formulas.map(({ name }) => name))
    cursor = page.nextCursor
  }
  return names
}

let afterwards = 0

/** Sends a good submission under each refused key. @returns the keys that do not accept it */
export async function deadKeys(url: string, keys: string[]): Promise<string[]> {
  const waiting = keys.map((key) => ({ key, index: ++afterwards }))
  const dead: string[] = []
  const client = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { key, index } = next
      const answer = await post(url, key, {
        name: `Afterwards ${index}`,
        materials: [{ name: 'Vetiver', concentration: index }],
      })
      const text = await answer.text()
      if (answer.status !== 200) dead.push(`${key}: ${answer.status} ${text}`)
    }
  }
  await Promise.all(Array.from({ length: 8 }, client))
  return dead
}
