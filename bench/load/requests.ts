import type { Sequence } from './load.ts'

// Twin of requests.lua: both make the same keys and bodies of a sequence; test/bench/requests.test.ts checks it.

const FIRST = 'Rose,Amber,Cedar,Iris,Musk,Neroli,Oud,Tonka,Vetiver,Violet,Yuzu,Fig'.split(',')
const SECOND = 'Garden,Night,Absolute,Water,Smoke,Silk,Dawn,Ember,Rain,Velvet'.split(',')
const MATERIALS = [
  ...['Linalool', 'Hedione', 'Iso E Super', 'Galaxolide', 'Ambroxan', 'Coumarin', 'Vanillin', 'Bergamot oil'],
  ...['Patchouli oil', 'Ethylene brassylate'],
]

/** The script numbers the threads of wrk; one is started. */
const THREAD = 1

export interface Request {
  path: string
  key?: string
  prefer?: string
  /** Empty in a GET. */
  body: string
}

export const headersOf = ({ key, prefer }: Request): Record<string, string> => ({
  'content-type': 'application/json',
  ...(key !== undefined && { 'idempotency-key': key }),
  ...(prefer !== undefined && { prefer }),
})

/** The JSON of a formula whose composition is unique to run and number. */
export function formula(run: number, number: number, materials: number): string {
  const name = `${FIRST[(number * 7) % FIRST.length]} ${SECOND[(number * 3) % SECOND.length]} ${(number * 48271) % 65521}`
  const parts = Array.from({ length: materials }, (_, index) => {
    const again = index < MATERIALS.length ? '' : ` ${Math.floor(index / MATERIALS.length)}`
    return `{"name":"${MATERIALS[index % MATERIALS.length]}${again}","concentration":"${index + 1}.25"}`
  })
  parts[0] = `{"name":"Linalool","concentration":"${run}.${THREAD}${String(number).padStart(9, '0')}"}`
  return `{"name":"${name}","materials":[${parts.join(',')}]}`
}

function list(run: number, number: number, length: number): string {
  const formulas = Array.from({ length }, (_, index) => formula(run, number * length + index + 1, 4))
  return `[${formulas.join(',')}]`
}

/**
 * Makes one request of a sequence.
 * @param sent its number, from 1
 * @param receipts what a consumer has received and not acknowledged: JSON strings, separated by commas
 */
export function request(sequence: Sequence, sent: number, receipts?: string): Request {
  const { requests, run, keys = run, kept = 1, perReceive = 1, paths = [] } = sequence
  const submit = (key: number, body: string): Request => ({ path: '/formulas', key: `${keys}-${THREAD}-${key}`, body })
  switch (requests) {
    case 'single':
    case 'backing-off':
      return submit(sent, formula(run, sent, 4))
    case 'forty':
      return submit(sent, formula(run, sent, 40))
    case 'list':
      return submit(sent, list(run, sent, 100))
    case 'minimal':
      return { ...submit(sent, list(run, sent, 100)), prefer: 'return=minimal' }
    case 'thousand':
      return submit(sent, list(run, sent, 1000))
    case 'replay':
      return submit(sent % kept, formula(run, sent % kept, 4))
    case 'duplicate':
      return submit(sent, formula(run, sent % kept, 4))
    case 'get':
      return { path: paths[sent % paths.length] as string, body: '' }
    case 'consume':
      return receipts === undefined
        ? { path: '/events/receive', body: `{"max":${perReceive},"waitSeconds":1}` }
        : { path: '/events/ack', body: `{"receipts":[${receipts}]}` }
  }
}
