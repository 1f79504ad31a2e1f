import { parseArgs } from 'node:util'
import { markdownTable } from '../../docs/figures.ts'
import { findInstalled } from '../../test/support/postgres/binaries.ts'
import { Cluster } from '../../test/support/postgres/cluster.ts'
import { changeSetting, query, urlAt } from '../../test/support/postgres/server.ts'
import { STANDBYS, startStandby } from '../../test/support/postgres/standby.ts'
import { until } from '../../test/support/until.ts'
import { type Case, caseNamed } from '../cases.ts'
import { type CompareOptions, compare, inWords, type Spread } from '../compare.ts'
import { type Contender, postgres } from '../contender.ts'
import { caption } from '../machine.ts'
import { say } from '../print.ts'
import { geometricMean } from '../statistics.ts'
import { SETTINGS } from './part.ts'

// node bench/postgres/replicated.ts [--starts 2] [--rounds 6] [--seconds 2]
// Measures what synchronous standbys cost: the service on one PostgreSQL alone, and on one with standbys on the same
// machine, where each commit waits for any one of them. Needs an installed PostgreSQL.

const CASES = ['single', 'list'].map(caseNamed)
const SETUPS = { alone: [], 'one standby': ['a'], 'two standbys': ['a', 'b'] }

const COUNT = `SELECT FROM pg_stat_replication WHERE sync_state = 'quorum'`

/** A primary with its standbys. */
interface Replicated {
  name: string
  port: number
  /** @throws {Error} when a standby is gone */
  check(): Promise<void>
  remove(): Promise<unknown>
}

async function start(name: string, standbys: string[]): Promise<Replicated> {
  const binaries = findInstalled()
  const primary = await Cluster.start({ ...SETTINGS, max_wal_size: '2GB' }, 'C', false, binaries)
  const { port } = primary
  const clusters = [primary]
  for (const standby of standbys) clusters.unshift(await startStandby(primary, standby, binaries))
  if (standbys.length > 0) await changeSetting(urlAt(port), STANDBYS, `ANY 1 (${standbys})`)
  const areSynchronous = async () => (await query(urlAt(port), COUNT)).length === standbys.length
  await until(areSynchronous)
  return {
    name,
    port,
    async check() {
      if (!(await areSynchronous())) throw new Error(`${name}: a standby is gone`)
    },
    remove: () => Promise.all(clusters.map((cluster) => cluster.remove())),
  }
}

/** Compares the service on new databases of all setups. @returns the rates as shares of the rate of the first */
async function compareOnce(subject: Case, setups: Replicated[], options: CompareOptions): Promise<Spread[]> {
  const contenders: Contender[] = []
  for (const { name, port } of setups) {
    await query(urlAt(port), 'CREATE DATABASE measured')
    contenders.push({ ...postgres(urlAt(port, 'measured')), name })
  }
  const spreads = await compare(subject, contenders, options)
  for (const { check, port } of setups) {
    await check()
    await query(urlAt(port), 'DROP DATABASE measured WITH (FORCE)')
  }
  return spreads
}

const joined = (spreads: Spread[]): Spread => ({
  mean: geometricMean(spreads.map(({ mean }) => mean)),
  least: Math.min(...spreads.map(({ least }) => least)),
  most: Math.max(...spreads.map(({ most }) => most)),
})

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      starts: { type: 'string', default: '2' },
      rounds: { type: 'string', default: '6' },
      seconds: { type: 'string', default: '2' },
    },
  })
  const extent = { rounds: Number(values.rounds), seconds: Number(values.seconds), warmUpSeconds: 2 }
  const setups: Replicated[] = []
  try {
    for (const [name, standbys] of Object.entries(SETUPS)) setups.push(await start(name, standbys))
    const [head, ...rows]: [string[], ...string[][]] = [['Load', ...setups.slice(1).map(({ name }) => name)]]
    for (const subject of CASES) {
      const starts: Spread[][] = []
      // Each on new databases, since all that is stored is counted in the end.
      for (let number = 0; number < Number(values.starts); number++) {
        starts.push(await compareOnce(subject, setups, { starts: 1, extent }))
      }
      const spreads = setups.slice(1).map((_, index) => joined(starts.map((spreads) => spreads[index] as Spread)))
      rows.push([subject.title, ...spreads.map(inWords)])
    }
    say(`\n${caption()} Rates as shares of the rate without standbys.\n\n${markdownTable([head, ...rows])}`)
  } finally {
    for (const { remove } of setups) await remove()
  }
}

await main()
