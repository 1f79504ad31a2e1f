import type { Mutant } from './mutant.ts'

const EVENTS = 'routes/events/index.ts'
const LONG_POLL = 'src/outbox/long-poll.ts'
const ACCESS_TEST = 'test/http/subscription-access.test.ts'
const FORMULAS_TEST = 'test/http/received-formulas.test.ts'
const LONG_POLL_TEST = 'test/http/long-poll-subscriptions.test.ts'
const ROUTES_TEST = 'test/http/subscriptions.test.ts'

/** Bugs in who may use which subscription, and in what its consumers get. */
export const subscriptionMutants: Mutant[] = [
  {
    name: 'subscriptions: a key for one receives from all',
    breaks: 'a key for one subscription opens that one alone',
    edits: [[EVENTS, 'request.requireScope(`consume:$' + '{subscription}`)', '']],
    caughtBy: [
      ACCESS_TEST,
      'a key for one subscription receives from that one alone; any other name is a 403, there or not',
    ],
  },
  {
    name: 'subscriptions: a key for one settles the receipts of others',
    breaks: 'receipts of other subscriptions are stale',
    edits: [
      [
        'src/stores/sqlite/queue/leases.ts',
        'lease === undefined || only?.includes(lease.subscription.name) === false',
        'lease === undefined',
      ],
    ],
    caughtBy: [ACCESS_TEST, 'to a key for one subscription the receipts of others are stale, and stay valid'],
  },
  {
    name: 'subscriptions: a key for one sees all',
    breaks: 'a key for one subscription sees that one alone',
    edits: [['routes/subscriptions/index.ts', 'apiKey === null || allows(', "allows(['admin'], 'read') || allows("]],
    caughtBy: [ACCESS_TEST, 'a key for one subscription sees that one alone; with read it sees all'],
  },
  {
    name: 'subscriptions: formulas come without the scope read',
    breaks: 'formulas are for who may read them',
    edits: [[EVENTS, "if (include.length > 0) request.requireScope('read')", '']],
    caughtBy: [ACCESS_TEST, 'formulas come with events only to a key that may read as well'],
  },
  {
    name: 'subscriptions: events stay leased when their formulas cannot be read',
    breaks: 'nothing that is refused leaves a trace',
    edits: [[EVENTS, '    await putBack(0)\n', '']],
    caughtBy: [FORMULAS_TEST, 'when the formulas cannot be read the events stay ready, and no receive counts'],
  },
  {
    name: 'subscriptions: events beyond 4 MiB stay leased',
    breaks: 'those beyond are put back without counting',
    edits: [[EVENTS, '    await putBack(shown.length)\n', '']],
    caughtBy: [
      FORMULAS_TEST,
      'an answer ends at 4 MiB; the events beyond are the next to be received, and that one did not count',
    ],
  },
  {
    name: 'long poll: the limit of a caller is one for each subscription',
    breaks: 'a caller may hold 32 long polls',
    edits: [[LONG_POLL, '[...this.#lines.values()].flatMap', '[...this.#lines.values()].slice(-1).flatMap']],
    caughtBy: [LONG_POLL_TEST, 'a caller may wait 32 times at once in all subscriptions together'],
  },
  {
    name: 'subscriptions: the default one can be deleted by its sink',
    breaks: 'the default subscription stays',
    edits: [['routes/subscriptions/index.ts', 'name === DEFAULT_SUBSCRIPTION || forwarder', 'forwarder']],
    caughtBy: [ROUTES_TEST, 'the default subscription cannot be deleted, and the 101st not be made'],
  },
]
