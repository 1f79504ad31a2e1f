import type { ClientHistory, FormulaBody, Lease, OnDuplicate, Send } from './client-history.ts'
import type { Chance } from './extent.ts'

interface Submission {
  key: string
  body: FormulaBody | FormulaBody[]
  onDuplicate: OnDuplicate
}

/** How many submissions in a row race for the same composition. */
const RACE = 6
/** How many submissions may be sent again; the history sends the older ones. */
const REMEMBERED = 200

/** The submitting clients of a service, through all its restarts. */
export class Submitters {
  readonly #history: ClientHistory
  readonly #chance: Chance
  #names = 0
  #keys = 0
  /** The number of the last new composition. */
  #compositions = 0
  readonly #sent: Submission[] = []
  /** Submissions without an answer; the next client starts by sending one again. */
  readonly #cut: Submission[] = []
  #answer = Promise.withResolvers<void>()

  constructor(history: ClientHistory, chance: Chance) {
    this.#history = history
    this.#chance = chance
  }

  /** Resolves when the next submission is answered. */
  nextAnswer(): Promise<void> {
    this.#answer = Promise.withResolvers()
    return this.#answer.promise
  }

  /** One client: submits until its connection is cut. */
  async client(send: Send): Promise<void> {
    const cut = this.#cut.shift()
    if (cut !== undefined && !(await this.#submit(send, cut))) return
    while (await this.#act(send));
  }

  async #act(send: Send): Promise<boolean> {
    const act = this.#chance.integer(1, 100)
    if (act <= 8) return this.#submit(send, this.#earlier())
    if (act <= 12) return this.#submit(send, { ...this.#new([this.#fresh()]), key: this.#earlier().key })
    if (act <= 20) {
      const twice = this.#list()
      const both = await Promise.all([this.#submit(send, twice), this.#submit(send, twice)])
      return both.every(Boolean)
    }
    if (act <= 25) {
      await this.#history.look(send, 20)
      return true
    }
    if (act <= 50) return this.#submit(send, this.#new([this.#fresh()], { isSingle: true }))
    if (act <= 60) return this.#submit(send, this.#new([this.#raced()], { isSingle: true }))
    if (act <= 68) return this.#submit(send, this.#new([this.#known()], { isSingle: true }))
    return this.#submit(send, this.#list())
  }

  /** @returns whether it was answered */
  async #submit(send: Send, submission: Submission): Promise<boolean> {
    this.#sent.push(submission)
    if (this.#sent.length > REMEMBERED) this.#sent.shift()
    const { key, body, onDuplicate } = submission
    const reply = await this.#history.submit(send, key, body, onDuplicate)
    if (reply === null) this.#cut.push(submission)
    else this.#answer.resolve()
    return reply !== null
  }

  #earlier(): Submission {
    return this.#sent.length > 0 ? this.#chance.oneOf(this.#sent) : this.#new([this.#fresh()])
  }

  #new(formulas: FormulaBody[], { isSingle = false, onDuplicate = this.#policy() } = {}): Submission {
    const [first] = formulas
    return { key: `key-${++this.#keys}`, body: isSingle && first ? first : formulas, onDuplicate }
  }

  #policy = (): OnDuplicate => (this.#chance.happens(35) ? 'skip' : 'reject')

  /** New, known and raced compositions; sometimes one of them twice. */
  #list(): Submission {
    const onDuplicate = this.#policy()
    const known = onDuplicate === 'skip' ? 25 : 2
    const formulas = Array.from({ length: this.#chance.integer(2, 8) }, () => {
      const kind = this.#chance.integer(1, 100)
      return kind <= known ? this.#known() : kind <= known + 7 ? this.#raced() : this.#fresh()
    })
    const all = this.#chance.happens(4) ? [...formulas, this.#formula(this.#compositions)] : formulas
    return this.#new(all, { onDuplicate })
  }

  #fresh = (): FormulaBody => this.#formula(++this.#compositions)

  #known = (): FormulaBody => this.#formula(this.#chance.integer(1, this.#compositions + 1))

  #raced = (): FormulaBody => this.#formula(-1 - Math.floor(this.#keys / RACE))

  #formula(composition: number): FormulaBody {
    const concentration = `${Math.abs(composition) + 1}.${composition < 0 ? 25 : 5}`
    const materials = [
      { name: 'Rose', concentration },
      { name: 'Iris', concentration: 1 },
    ]
    // The order of the materials is not part of a composition.
    return { name: `Formula ${++this.#names}`, materials: this.#chance.happens(50) ? materials : materials.reverse() }
  }
}

/** How many receipts are kept to be used later, also after a restart. */
const KEPT = 50

/** The consumers of a service, through all its restarts. */
export class Consumers {
  readonly #history: ClientHistory
  readonly #chance: Chance
  readonly #kept: string[] = []

  constructor(history: ClientHistory, chance: Chance) {
    this.#history = history
    this.#chance = chance
  }

  /** One consumer: receives and settles until its connection is cut. */
  async client(send: Send): Promise<void> {
    for (;;) {
      const subscription = this.#chance.oneOf(this.#history.subscriptions)
      if (this.#chance.happens(3)) await this.#history.redrive(send, subscription)
      if (!(await this.#settleKept(send))) return
      const [max, leaseSeconds] = [this.#chance.integer(1, 10), this.#chance.integer(1, 2)]
      const leases = await this.#history.receive(send, max, leaseSeconds, 1, subscription)
      if (leases === null || !(await this.#settle(send, leases))) return
    }
  }

  async #settleKept(send: Send): Promise<boolean> {
    const receipt = this.#kept.length > 0 && this.#chance.happens(30) ? this.#chance.oneOf(this.#kept) : undefined
    return receipt === undefined || (await this.#history.ack(send, [receipt])) !== null
  }

  /** @returns whether the connection lives */
  async #settle(send: Send, leases: Lease[]): Promise<boolean> {
    const receipts = leases.map(({ receipt }) => receipt)
    if (receipts.length === 0) return true
    this.#kept.push(...receipts)
    this.#kept.splice(0, this.#kept.length - KEPT)
    const act = this.#chance.integer(1, 100)
    if (act <= 45) return (await this.#history.ack(send, receipts)) !== null
    if (act <= 60) {
      const both = await Promise.all([this.#history.ack(send, receipts), this.#history.ack(send, receipts.slice(0, 1))])
      return both.every((refused) => refused !== null)
    }
    if (act <= 75) return (await this.#history.nack(send, receipts, this.#chance.integer(0, 1))) !== null
    if (act <= 85) {
      const extended = await this.#history.extend(send, receipts, this.#chance.integer(1, 2))
      return extended !== null && (await this.#history.ack(send, receipts)) !== null
    }
    // Not settled: the leases expire.
    return true
  }
}
