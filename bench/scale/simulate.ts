import { Calendar } from './calendar.ts'
import { Cores, EventLoop, Log, Queue } from './stations.ts'

/** Clients that send again once they are answered; or submissions that arrive by chance, whatever is answered. */
export type Arrivals = { clients: number } | { perSecond: number; random: () => number }

/** Instances of a service that share one PostgreSQL. */
export interface Model {
  instances: number
  /** At each instance. */
  arrivals: Arrivals
  /** Of all instances together; none uses more than one at a time. */
  serviceCores: number
  /** CPU time of a submission until it may be stored, and until it is answered then. */
  serviceUs: { before: number; after: number }
  /** Most transactions that an instance has under way, and most submissions of one. */
  connections: number
  mostMembers: number
  /** What a transaction waits for the network in all. */
  networkUs: number
  primaryCores: number
  /** CPU time of a transaction, and of each submission in it. */
  primaryUs: { batch: number; member: number }
  syncUs: number
}

/** What may be busy without a pause; where nothing is, clients wait for one thing after the other. */
export type Resource = 'service' | 'primary' | 'log'

export interface Outcome {
  perSecond: number
  /** On average, as seen by clients. */
  latencyMs: number
  unitsPerCommit: number
  commitsPerSync: number
  /** Shares of the time. */
  busy: Record<Resource, number>
  limit: Resource | 'latency'
}

/** What is busy for more of the time has no room left. */
const SATURATED = 0.95

/** Simulates so many seconds, of which the first fifth is for warming up. Something in the model must take time. */
export function simulate(model: Model, seconds = 10): Outcome {
  const world = new World(model)
  world.calendar.runUntil(seconds * 2e5)
  const before = world.counters()
  world.calendar.runUntil(seconds * 1e6)
  const after = world.counters()
  const of = (name: keyof typeof before): number => after[name] - before[name]
  const span = seconds * 8e5
  const threads = Math.min(model.instances, model.serviceCores)
  const busy = {
    service: of('serviceUs') / span / threads,
    primary: of('primaryUs') / span / model.primaryCores,
    log: of('logUs') / span,
  }
  return {
    perSecond: (of('answered') * 1e6) / span,
    latencyMs: of('latencyUs') / of('answered') / 1000,
    unitsPerCommit: of('committed') / of('commits'),
    commitsPerSync: of('commits') / of('syncs'),
    busy,
    limit: limitOf(busy),
  }
}

/** The log last: it may be busy without a pause, and take along all that there is. */
function limitOf(busy: Record<Resource, number>): Outcome['limit'] {
  const order: Resource[] = busy.primary > busy.service ? ['primary', 'service', 'log'] : ['service', 'primary', 'log']
  return order.find((each) => busy[each] >= SATURATED) ?? 'latency'
}

/** A submission on its way: when it was sent, and what its client does once it is answered. */
interface Submission {
  sentAt: number
  answered: () => void
}

/** All instances and the server that they share. */
class World {
  readonly calendar = new Calendar()
  readonly model: Model
  readonly #service: Cores
  readonly #primary: Cores
  readonly #log: Log
  readonly #counts = { answered: 0, latencyUs: 0, commits: 0, committed: 0 }

  constructor(model: Model) {
    this.model = model
    this.#service = new Cores(this.calendar, model.serviceCores)
    this.#primary = new Cores(this.calendar, model.primaryCores)
    this.#log = new Log(this.calendar, model.syncUs)
    for (let instance = 0; instance < model.instances; instance++) {
      this.#arrive(new Instance(this, this.#service), model.arrivals)
    }
  }

  counters() {
    const busy = { serviceUs: this.#service.busyUs, primaryUs: this.#primary.busyUs, logUs: this.#log.busyUs }
    return { ...this.#counts, ...busy, syncs: this.#log.syncs }
  }

  #arrive(instance: Instance, arrivals: Arrivals): void {
    const { calendar } = this
    if ('clients' in arrivals) {
      const send = (): void => instance.submit({ sentAt: calendar.now, answered: send })
      for (let client = 0; client < arrivals.clients; client++) calendar.after(client, send)
      return
    }
    const { perSecond, random } = arrivals
    const arriveNext = (): void => {
      const pause = (-Math.log(1 - random()) * 1e6) / perSecond
      calendar.after(pause, () => {
        instance.submit({ sentAt: calendar.now, answered: () => {} })
        arriveNext()
      })
    }
    arriveNext()
  }

  /** A transaction: network, statements, commit. */
  commit(members: number, done: () => void): void {
    const { networkUs, primaryUs } = this.model
    this.calendar.after(networkUs, () => {
      this.#primary.work(primaryUs.batch + members * primaryUs.member, () => {
        this.#log.sync(() => {
          this.#counts.commits++
          this.#counts.committed += members
          done()
        })
      })
    })
  }

  answer({ sentAt, answered }: Submission): void {
    this.#counts.answered++
    this.#counts.latencyUs += this.calendar.now - sentAt
    answered()
  }
}

/** One process: its event loop, and the submissions that wait for a transaction. */
class Instance {
  readonly #world: World
  readonly #loop: EventLoop
  readonly #waiting = new Queue<Submission>()
  #underWay = 0

  constructor(world: World, cores: Cores) {
    this.#world = world
    this.#loop = new EventLoop(cores, () => this.#commit())
  }

  submit(submission: Submission): void {
    this.#loop.work(this.#world.model.serviceUs.before, () => this.#waiting.add(submission))
  }

  /** Those that wait go together, as far as transactions may be under way. */
  #commit(): void {
    const { connections, mostMembers, serviceUs } = this.#world.model
    while (this.#underWay < connections && this.#waiting.length > 0) {
      const count = Math.min(mostMembers, this.#waiting.length)
      const batch = Array.from({ length: count }, () => this.#waiting.take() as Submission)
      this.#underWay++
      this.#world.commit(count, () => {
        this.#underWay--
        for (const member of batch) this.#loop.work(serviceUs.after, () => this.#world.answer(member))
      })
    }
  }
}
