import { caseNamed } from './cases.ts'
import { type CompareOptions, compare, type Spread } from './compare.ts'
import { type Contender, type Running, sqlite } from './contender.ts'

const subscribed: Contender = { ...sqlite, name: 'subscribed' }
const MORE = ['erp', 'compliance', 'search']

async function subscribe({ contender, url }: Running): Promise<void> {
  if (contender !== subscribed) return
  for (const name of MORE) {
    const body = JSON.stringify({ from: 'start' })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${url}/subscriptions/${name}`, { method: 'PUT', headers, body })
    if (!answer.ok) throw new Error(`Subscription ${name}: ${answer.status}`)
  }
}

/** @returns the rate of submissions with four subscriptions as a share of the rate with one */
export async function measureSubscriptions(options: CompareOptions): Promise<Spread> {
  const [spread] = await compare(caseNamed('single'), [sqlite, subscribed], { ...options, beforeRound: subscribe })
  return spread as Spread
}
