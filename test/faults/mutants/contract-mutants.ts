import type { Mutant } from './mutant.ts'

const DECIDE = 'src/stores/decide.ts'
const VALIDATE = 'src/formula/validate.ts'
const LONG_POLL = 'src/outbox/long-poll.ts'
const MODEL = 'test/http/submissions.test.ts'
const CHECKS = 'test/http/check.test.ts'
const DERIVATIONS = 'test/http/derivations.test.ts'
const LONG_POLLS = 'test/http/long-poll.test.ts'

const FILTERS = 'test/http/formula-filters.test.ts'

/** Bugs in what all engines share: decisions, compositions, and the HTTP interface. */
export const contractMutants: Mutant[] = [
  {
    name: 'list: the page after one that its time ended skips a formula',
    breaks: 'a loop over pages with a filter finds everything, once',
    edits: [
      [
        'src/stores/page.ts',
        'this.#now() >= this.#end) this.#next = row.seq',
        'this.#now() >= this.#end) this.#next = row.seq - 1',
      ],
    ],
    caughtBy: [FILTERS, 'a page ends when its time is over, even empty, and a loop over the pages finds everything'],
  },
  {
    name: 'decide: a replay is written anew from the repeated request',
    breaks: 'a replay is the first answer byte for byte',
    classic: 'replay of other bytes',
    edits: [
      [
        DECIDE,
        "return { kind: 'answered', submissionId: known.submissionId, answer: known.answer }",
        "return { kind: 'answered', submissionId: known.submissionId, answer: allAdded(submission) }",
      ],
      [DECIDE, 'import { AnswerBuilder }', 'import { AnswerBuilder, allAdded }'],
    ],
    caughtBy: [MODEL, 'the same key with the same payload is answered again, byte for byte'],
  },
  {
    name: 'decide: a reused key is replayed, whatever the payload',
    breaks: 'the same key with another payload is a 422',
    edits: [[DECIDE, "    if (known.payload !== submission.payload) return { kind: 'reused' }\n", '']],
    caughtBy: [MODEL, 'the same key with another payload is a 422, also with another onDuplicate'],
  },
  {
    name: 'decide: duplicates are looked for before the replay',
    breaks: 'a repeated submission is replayed, not refused as its own duplicate',
    edits: [
      [
        DECIDE,
        '  const known = lookup.answer(submission)\n',
        '  const early = decideFormulas(submission, lookup)\n  if (early.answer.status === 409) return early\n  const known = lookup.answer(submission)\n',
      ],
    ],
    caughtBy: [MODEL, 'the same key with the same payload is answered again, byte for byte'],
  },
  {
    name: 'decide: compositions of running submissions are ignored',
    breaks: 'a composition of a submission that is not finished is waited for',
    edits: [[DECIDE, 'if (holder !== null) return', "if (holder === 'cleanup') return"]],
    caughtBy: [
      'test/stores/memory.test.ts',
      'memory formula db: claims',
      'a composition that is pending is busy, not a duplicate, whichever member of a list wants it',
    ],
  },
  {
    name: 'decide: compositions of pending rollbacks are ignored',
    breaks: 'while a cleanup is pending its compositions wait',
    edits: [[DECIDE, 'if (holder !== null) return', "if (holder === 'submission') return"]],
    caughtBy: [
      'test/submission/cleanup.test.ts',
      'while a cleanup is pending, submissions of its key or compositions wait, then get 503',
    ],
  },
  {
    name: 'decide: a key whose rollback is pending is refused as reused',
    breaks: 'a key that will be free again is waited for',
    edits: [[DECIDE, "running.holder === 'submission' && ", '']],
    caughtBy: [
      'test/stores/memory.test.ts',
      'memory formula db: keys',
      'a key whose rollback is pending is busy, whatever the payload',
    ],
  },
  {
    name: 'decide: twins in a list are not noticed',
    breaks: 'a composition is stored once',
    edits: [[DECIDE, 'const twin = added.get(id)', 'const twin = added.get(id.slice(1))']],
    caughtBy: [MODEL, 'twins in one list are refused, the later one named'],
  },
  {
    name: 'decide: skip is taken for reject',
    breaks: 'with onDuplicate=skip the new ones are added',
    edits: [[DECIDE, "if (onDuplicate === 'reject' && duplicates", 'if (duplicates']],
    caughtBy: [MODEL, 'with onDuplicate=skip the new ones are added and the others reported as stored'],
  },
  {
    name: 'decide: reject is taken for skip',
    breaks: 'a list with a known composition adds nothing',
    edits: [[DECIDE, "=== 'reject' && duplicates.length > 0", "=== 'reject' && duplicates.length === formulas.length"]],
    caughtBy: [MODEL, 'a list with one known composition adds nothing at all'],
  },
  {
    name: 'composition: concentrations are rounded to floating point',
    breaks: 'a concentration is exact end to end, or refused',
    edits: [[VALIDATE, 'canonicalDecimal(value.source)', 'canonicalDecimal(String(Number(value.source)))']],
    caughtBy: ['test/http/request-checks.test.ts', 'a concentration comes back exactly as it was sent, or is refused'],
  },
  {
    name: 'composition: the fingerprint goes by the order of materials',
    breaks: 'materials are compared as a set',
    edits: [['src/formula/identity.ts', '  else insertionSort(lines)\n', '']],
    caughtBy: ['test/formula/fingerprint.test.ts', 'the order of materials does not matter'],
  },
  {
    name: 'composition: names are compared without case folding',
    breaks: 'one composition in two spellings is one composition',
    edits: [[VALIDATE, 'name === null ? null : checkedIdentity(name)', 'name']],
    caughtBy: [
      MODEL,
      'a composition that is stored already, in another spelling, is a 409 that names the stored formula',
    ],
  },
  {
    name: 'derive: a refusal counts without a look at the key',
    breaks: 'replay and reuse come before the parent',
    edits: [
      [
        'src/submission/orchestrator.ts',
        '      if (holder === undefined && request.refusal === undefined) return',
        '      if (request.refusal !== undefined) throw request.refusal\n      if (holder === undefined) return',
      ],
    ],
    caughtBy: [DERIVATIONS, 'replay and reuse come before the parent: also after that was erased'],
  },
  {
    name: 'derive: concentrations are added as doubles',
    breaks: 'the arithmetic of a derivation is exact',
    edits: [
      [
        'src/formula/derive.ts',
        "amount.units += operation === 'add' ? toUnits(operand) : -toUnits(operand)",
        "amount.units = BigInt(Math.round(Number(amount.units) + (operation === 'add' ? 1e12 : -1e12) * Number(operand)))",
      ],
    ],
    caughtBy: ['test/formula/derive.test.ts', 'the result is exact: it is what integers say, for any numbers'],
  },
  {
    name: 'http: a client that hangs up stops its submission',
    breaks: 'a client that hangs up does not stop a submission half-way',
    edits: [
      [
        'routes/formulas/answer.ts',
        'fastify.orchestrator.submit(submission)',
        'fastify.orchestrator.submit({ ...submission, hasGone: () => request.raw.socket.readableEnded } as never)',
      ],
      [
        'src/submission/orchestrator.ts',
        'toSubmission(request, { id, payload, createdAt, traceparent })',
        '{ ...toSubmission(request, { id, payload, createdAt, traceparent }), hasGone: (request as { hasGone?: () => boolean }).hasGone }',
      ],
      [
        'src/submission/orchestrator.ts',
        'if (signal.aborted) return',
        'if (signal.aborted || (submission as { hasGone?: () => boolean }).hasGone?.()) return',
      ],
    ],
    caughtBy: [
      'test/http/connections.test.ts',
      'a submission whose client hangs up between two tries is tried again all the same',
    ],
  },
  {
    name: 'long poll: events leased as the wait runs out are dropped',
    breaks: 'what is leased reaches its consumer',
    edits: [[LONG_POLL, 'if (waiter.receiving) {', 'if (waiter.receiving && waiter.ended !== null) {']],
    caughtBy: [LONG_POLLS, 'events that are leased as a wait runs out are still given to its consumer'],
  },
  {
    name: 'long poll: the queue is not asked again without a hint',
    breaks: 'an event whose hint got lost is found before long',
    edits: [[LONG_POLL, 'const RECHECK_MS = ', 'const RECHECK_MS = 1_000 * ']],
    caughtBy: [LONG_POLLS, 'an event whose hint got lost is found before long'],
  },
  {
    name: 'long poll: events are leased to a consumer that has gone',
    breaks: 'for a consumer that has gone nothing is leased',
    edits: [[LONG_POLL, "    signal?.addEventListener('abort', leave, { once: true })\n", '']],
    caughtBy: [LONG_POLLS, 'for a consumer that has gone nothing is leased'],
  },
  {
    name: 'check: duplicates are shown to who may not read',
    breaks: 'what others submitted is for those who may read',
    edits: [
      [
        'routes/formulas/answer.ts',
        'withOutcomes: true, showDuplicates: mayRead(reply.request)',
        'withOutcomes: true, showDuplicates: true',
      ],
    ],
    caughtBy: [CHECKS, 'without the scope read a check shows of a duplicate its id alone, twins and own ones included'],
  },
  {
    name: 'check: its guesses are free',
    breaks: 'guessing in lists is no cheaper',
    edits: [['routes/formulas/check/index.ts', 'formulas.length - 1', '0']],
    caughtBy: [CHECKS, 'each formula of a check counts against the rate limit, known or new'],
  },
  {
    name: 'check: any number of them hold formulas at once',
    breaks: 'reads are made in bounded memory',
    edits: [
      [
        'plugins/formula-reads.ts',
        'read(lists, PAGE_BYTES, () => findAll(db, [...new Set(ids)]))',
        'findAll(db, [...new Set(ids)])',
      ],
    ],
    caughtBy: [CHECKS, 'four checks are read at a time, each with all its pages, and none while answers are unread'],
  },
  {
    name: 'metadata: it is no part of the payload',
    breaks: 'the same key with other metadata is a 422',
    edits: [
      ['src/formula/formula.ts', '(metadata ? [id, name, metadata] : [id, name])', '[id, name]'],
      ['src/formula/formula.ts', 'payloadOf = ({ id, name, metadata }', 'payloadOf = ({ id, name }'],
    ],
    caughtBy: [
      'test/http/formula-metadata.test.ts',
      'other metadata under the same key is another payload, from memory and from the store',
    ],
  },
  {
    name: 'metadata: it is lost in a table',
    breaks: 'what is exported comes in again as it was',
    edits: [['src/bulk/files/table-formulas.ts', "metadata === '' ?", "metadata !== 'x' ?"]],
    caughtBy: [
      'test/bulk/export.test.ts',
      'what is exported, in any format, can be imported into another service, and is the same there',
    ],
  },
  {
    name: 'import: where it is stopped, the file seems to end',
    breaks: 'a Ctrl-C refuses nothing and exits with 130',
    edits: [['src/bulk/files/source.ts', 'throw new Interrupted()', 'return']],
    caughtBy: [
      'test/bulk/interrupted.test.ts',
      'a Ctrl-C in the middle of a formula refuses nothing, and the exit code is 130',
    ],
  },
]
