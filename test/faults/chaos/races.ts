import type { ClientHistory, FormulaBody, OnDuplicate, Reply, Send } from '../client-history.ts'

/** A submission of a race. */
interface Entry {
  instance: number
  key: string
  body: FormulaBody | FormulaBody[]
  onDuplicate?: OnDuplicate
}

/** @returns submissions that are sent at the same moment */
export type Race = (number: number, instances: number) => Entry[]

let names = 0

/** Compositions differ in their concentration; each formula has its own name. */
const formula = (composition: string): FormulaBody => ({
  name: `Raced ${++names}`,
  materials: [{ name: 'Oud', concentration: composition }],
})

const each = <T>(instances: number, entry: (instance: number) => T): T[] =>
  Array.from({ length: instances }, (_, instance) => entry(instance))

/** The races between submissions to several instances. */
export const RACES: Record<string, Race> = {
  'one key and payload': (number, instances) => {
    const body = formula(`${number}.1`)
    return each(instances * 2, (entry) => ({ instance: entry % instances, key: `same-${number}`, body }))
  },
  'one key and different payloads': (number, instances) =>
    each(instances, (instance) => ({ instance, key: `used-${number}`, body: formula(`${number}.2${instance}`) })),
  'one composition': (number, instances) =>
    each(instances, (instance) => ({
      instance,
      key: `composition-${number}-${instance}`,
      body: formula(`${number}.3`),
    })),
  '[A,B] and [B,A]': (number, instances) =>
    each(instances * 2, (entry) => {
      const list = [formula(`${number}.4`), formula(`${number}.5`)]
      return {
        instance: entry % instances,
        key: `list-${number}-${entry}`,
        body: entry % 2 === 0 ? list : list.reverse(),
      }
    }),
  'lists that overlap, duplicates skipped': (number, instances) =>
    each(instances, (instance) => ({
      instance,
      key: `skip-${number}-${instance}`,
      body: [instance, instance + 1, 0].map((part) => formula(`${number}.6${part}`)),
      onDuplicate: 'skip',
    })),
}

/** @returns the answers, without those that were cut off */
export async function run(history: ClientHistory, sends: Send[], entries: Entry[]): Promise<Reply[]> {
  const sent = entries.map(({ instance, key, body, onDuplicate }) =>
    history.submit(sends[instance] as Send, key, body, onDuplicate),
  )
  const replies = await Promise.all(sent)
  return replies.filter((reply) => reply !== null)
}
