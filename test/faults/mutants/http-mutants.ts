import type { Mutant } from './mutant.ts'

/** Bugs in the HTTP server: its limits, and how it stops. */
export const httpMutants: Mutant[] = [
  {
    name: 'http: Fastify serves localhost by two servers',
    breaks: 'every connection is within the limits',
    edits: [['src/server.ts', "host.toLowerCase() === 'localhost' ? '127.0.0.1' : host", 'host']],
    caughtBy: [
      'test/process/start-and-end.test.ts',
      'HOST=localhost serves by 127.0.0.1 alone, within all bounds, whatever else the name stands for',
    ],
  },
  {
    name: 'http: Node cuts off answers as the service closes',
    breaks: 'a stop ends no answer that is under way',
    edits: [['plugins/closing.ts', '    server.closeIdleConnections = () => {}\n', '']],
    caughtBy: [
      'test/http/closing.test.ts',
      'answers that are under way when the service closes are read in full, and it has closed within a second after',
    ],
  },
  {
    name: 'http: a deadline stays where it was when the clock is set back',
    breaks: 'no result is kept longer than it may be',
    edits: [['src/kit/clock.ts', '    this.#at -= Math.max(0, this.#readAt - now)\n', '']],
    caughtBy: ['test/http/bounds.test.ts', 'readiness is found out anew within a second though the clock was set back'],
  },
]
