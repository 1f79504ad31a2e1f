import type { Test } from 'tap'
import { call, formula, post } from './service-process.ts'
import { until } from './until.ts'

interface Named {
  id: string
  name: string
}
interface Formulas {
  formulas: Named[]
  nextCursor: string | null
}
export interface Leased {
  events: (Named & { receipt: string })[]
}
/** A submission that was answered 200. */
interface Accepted {
  key: string
  number: number
  id: string
  body: string
}
/** What is submitted under the key of this number. */
const noted = (number: number) => ({ ...formula(number), metadata: { trial: `${number}`, note: 'é "x"' } })

/** Loads a service with submissions until stopped; a consumer acks the first 100 events. */
export function load(url: string) {
  const [accepted, acked]: [Accepted[], Set<string>] = [[], new Set()]
  let stopped = false
  let sent = 0
  const submit = async (): Promise<void> => {
    while (!stopped) {
      const number = ++sent
      const answer = await post(url, `key-${number}`, noted(number))
      const body = await answer.text()
      accepted.push({ key: `key-${number}`, number, id: JSON.parse(body).formulas[0].id, body })
    }
  }
  const consume = async (): Promise<void> => {
    while (acked.size < 100) {
      const { events } = await call<Leased>(url, '/events/receive', { max: 2, waitSeconds: 1 })
      if (events.length === 0) continue
      await call(url, '/events/ack', { receipts: events.map(({ receipt }) => receipt) })
      for (const { id } of events) acked.add(id)
    }
  }
  const all = Promise.all([...Array.from({ length: 8 }, submit), consume()])
  return {
    accepted,
    acked,
    async reaches(count: number): Promise<void> {
      await until(() => accepted.length >= count, 1)
    },
    async stop(): Promise<void> {
      stopped = true
      await all
    },
  }
}

/** Reads every formula of a service, and leases every event that it still hands out. */
export async function contentsOf(url: string): Promise<{ formulas: Named[]; events: Named[] }> {
  const [formulas, events]: [Named[], Named[]] = [[], []]
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Formulas = await call(url, `/formulas?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)
    formulas.push(...page.formulas)
    cursor = page.nextCursor
  }
  for (;;) {
    const leased = await call<Leased>(url, '/events/receive', { max: 100, leaseSeconds: 3600 })
    if (leased.events.length === 0) return { formulas, events }
    events.push(...leased.events)
  }
}

/**
 * Checks a service that was restored from a backup made under load.
 * @param before what had been answered when the backup began
 */
export async function checkRestored(
  t: Test,
  url: string,
  before: Accepted[],
  { accepted, acked }: Pick<ReturnType<typeof load>, 'accepted' | 'acked'>,
): Promise<void> {
  for (const { key, number, body } of before.slice(-20)) {
    const replay = await post(url, key, noted(number))
    t.equal(replay.headers.get('idempotent-replayed'), 'true', key)
    t.equal(await replay.text(), body)
  }
  t.match(await call(url, '/cleanups'), { cleanups: [] })
  const contents = await contentsOf(url)
  const [formulas, events] = [contents.formulas, contents.events].map((all) => new Set(all.map(({ id }) => id))) as [
    Set<string>,
    Set<string>,
  ]
  const missing = before.filter(({ id }) => !formulas.has(id))
  t.same(missing, [], 'no formula is missing that was answered before')
  t.same(
    [...formulas].filter((id) => !events.has(id) && !acked.has(id)),
    [],
    'each formula has its event, unless that was acknowledged',
  )
  t.ok(formulas.size < accepted.length, 'and what was taken in later is gone')
  const [lost] = accepted.filter(({ id }) => !formulas.has(id))
  const resent = await post(url, lost?.key ?? '', noted(lost?.number ?? 0))
  t.match([resent.status, resent.headers.get('idempotent-replayed')], [200, null], 'a repeat of it is taken in anew')
}
