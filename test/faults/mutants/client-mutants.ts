import type { Mutant } from './mutant.ts'

/** Bugs in the client package. */
export const clientMutants: Mutant[] = [
  {
    name: 'client: a handler learns of a lost lease only from an answer of the service',
    breaks: 'a handler whose lease has ended is told, also while the service is unreachable',
    edits: [
      [
        'client/src/consumer.ts',
        '    this.#timer = setTimeout(() => this.end(), this.#since + this.#ms - performance.now())\n',
        '',
      ],
    ],
    caughtBy: [
      'test/client/client-leases.test.ts',
      'a handler learns that its lease has ended also while the service is unreachable',
    ],
  },
]
