import type { Client } from './service.ts'

export interface Series {
  labels: Record<string, string>
  value: number
}

/** The result of a scrape. */
export interface Scraped {
  /** The metrics as they are declared. */
  types: Map<string, string>
  names(): string[]
  /** All series of a name. */
  series(name: string): Series[]
  /** The value of the series with just these labels; undefined when there is none. */
  value(name: string, labels?: Record<string, string>): number | undefined
}

/** Asks a service for its metrics. */
export async function scrape(client: Pick<Client, 'get'>): Promise<Scraped> {
  return parse((await client.get('/metrics')).body)
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/

/** Reads the subset of Prometheus's text format that we use. */
export function parse(text: string): Scraped {
  const byName = new Map<string, Series[]>()
  const types = new Map<string, string>()
  for (const line of text.split('\n').filter(Boolean)) {
    const [, declared, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? []
    if (declared !== undefined) types.set(declared, type as string)
    if (line.startsWith('#')) continue
    const [, name, labels = '', value] = SAMPLE.exec(line) ?? []
    if (name === undefined) throw new Error(`This is no sample: ${line}`)
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [label, text])
    const series = { labels: Object.fromEntries(pairs), value: Number(value) }
    byName.set(name, [...(byName.get(name) ?? []), series])
  }
  const series = (name: string): Series[] => byName.get(name) ?? []
  return {
    types,
    names: () => [...byName.keys()],
    series,
    value(name, labels = {}) {
      const wanted = Object.entries(labels)
      return series(name).find(
        ({ labels: has }) =>
          Object.keys(has).length === wanted.length && wanted.every(([label, text]) => has[label] === text),
      )?.value
    },
  }
}
