import { caseNamed } from './cases.ts'
import { type CompareOptions, compare, type Spread } from './compare.ts'
import { type Contender, type Running, sqlite } from './contender.ts'

const subscribed: Contender = { ...sqlite, name: 'subscribed' }

/** The other is asked for what it has: any second kind of request lowers the rate of submissions. */
async function subscribe({ contender, url }: Running): Promise<void> {
  const names = contender === subscribed ? ['erp', 'compliance', 'search'] : ['default', 'default', 'default']
  for (const name of names) {
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
