import type { ClientHistory, FormulaBody, OnDuplicate, Send } from '../client-history.ts'
import type { Chance } from '../extent.ts'

/** Long enough that a few dozen submissions fill the log up to a checkpoint. */
const MATERIALS = 60

/** The pause of a consumer after a refusal, in milliseconds. */
const REFUSED_MS = 5

const waitMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export interface LoadOptions {
  history: ClientHistory
  send: Send
  chance: Chance
  /** The number of submitting clients. */
  clients: number
  /** The number of submissions of each client. */
  rounds: number
  /** Separates the names and keys of several loads on one history. */
  label?: string
}

export interface Sent {
  key: string
  body: FormulaBody | FormulaBody[]
  onDuplicate: OnDuplicate
}

/**
 * Clients that submit, send again and submit duplicates, and a consumer; each waits for its answers, and ends when its
 * connection does.
 * @returns the submissions that were cut off, with unknown outcome
 */
export async function load({ history, send, chance, clients, rounds, label = '' }: LoadOptions): Promise<Sent[]> {
  const cutOff: Sent[] = []
  let submitting = clients
  const client = async (number: number): Promise<void> => {
    for (let round = 1; round <= rounds; round++) {
      const sent = submission(chance, `${label}${number}-${round}`)
      for (let times = chance.happens(15) ? 2 : 1; times > 0; times--) {
        if ((await history.submit(send, sent.key, sent.body, sent.onDuplicate)) !== null) continue
        cutOff.push(sent)
        return
      }
      if (chance.happens(10)) await history.look(send, 20)
    }
  }
  const submit = (number: number): Promise<void> => client(number).finally(() => submitting--)
  const consume = async (): Promise<void> => {
    while (submitting > 0) {
      const leases = await history.receive(send, chance.integer(1, 5), 20, 1)
      if (leases === null) await waitMs(REFUSED_MS)
      if (leases === null || leases.length === 0) continue
      const receipts = leases.map(({ receipt }) => receipt)
      if (chance.happens(60)) await history.ack(send, receipts)
      else if (chance.happens(40)) await history.nack(send, receipts, chance.integer(0, 2))
      else if (chance.happens(50)) await history.extend(send, receipts, 30)
    }
  }
  await Promise.all([...Array.from({ length: clients }, (_, number) => submit(number)), consume()])
  return cutOff
}

/** A formula or a list; some compositions are shared with other submissions. */
function submission(chance: Chance, name: string): Sent {
  const formula = (index: number): FormulaBody => {
    const composition = chance.happens(20) ? `shared ${chance.integer(1, 20)}` : `of ${name}-${index}`
    return formulaOf(`${name}-${index}`, composition)
  }
  const list = chance.happens(30)
  return {
    key: `key-${name}`,
    body: list ? Array.from({ length: chance.integer(2, 4) }, (_, index) => formula(index)) : formula(0),
    onDuplicate: chance.happens(30) ? 'skip' : 'reject',
  }
}

/** @param composition the name of the first material */
export function formulaOf(name: string, composition = name, materials = MATERIALS): FormulaBody {
  const others = Array.from({ length: materials - 1 }, (_, index) => ({
    name: `Material number ${index}`,
    concentration: `${index + 1}.25`,
  }))
  return { name, materials: [{ name: composition, concentration: '1' }, ...others] }
}
