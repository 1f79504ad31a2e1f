import t from 'tap'
import type { ShownFormula } from '../../support/http/service.ts'
import { type BrokenService, cutting, formula, listing, lying, seesEach, storedAs, without } from './broken-services.ts'

const exists = (name: string): string =>
  JSON.stringify({ code: 'FORMULA_EXISTS', details: [{ path: '', id: 'a'.repeat(64), message: name }] })

const WORLDS: Record<string, BrokenService> = {
  'a formula is lost': { says: /answered 200 and not stored so: A/, spoil: ({ send }) => without(send, 'A') },
  'a formula is stored twice': {
    says: /stored: id twice/,
    spoil: ({ send }) => listing(send, (all) => [...all, all[0] as ShownFormula]),
  },
  'a composition is stored twice': {
    says: /stored: composition twice/,
    spoil: ({ send }) =>
      listing(send, (all) => [...all, { ...(all[0] as ShownFormula), id: 'f'.repeat(64), name: 'F' }]),
  },
  'half a list is stored': { says: /a list is stored by half/, spoil: ({ send }) => without(send, 'C') },
  'half a list with duplicates to skip is stored': {
    says: /key mixed2: G was new and is not stored/,
    async spoil(bench) {
      const { history, send } = bench
      await history.submit(send, 'mixed2', [formula('G', 7), formula('H', 8)], 'skip')
      await history.submit(cutting(send, false), 'later', formula('I', 7))
      const later = { ...(await storedAs(bench, 'G')), name: 'I' }
      return listing(send, (all) => [later, ...all.filter(({ name }) => name !== 'G')])
    },
  },
  'a formula is stored that nobody sent': {
    says: /stored, and sent by nobody: Z/,
    async spoil({ service }) {
      await service.submit(formula('Z', 99))
      return undefined
    },
  },
  'a formula is stored with another concentration': {
    says: /stored otherwise than it was sent/,
    spoil: ({ send }) =>
      listing(send, (all) => all.map((one) => ({ ...one, ...(one.name === 'A' && formula('A', 9)) }))),
  },
  'the order of acceptance is turned round': {
    says: /was accepted before .* and is newer/,
    spoil: ({ send }) => listing(send, (all) => all.toReversed()),
  },
  'GET by id does not find a formula': {
    says: /GET of .*404/,
    spoil: ({ send }) => lying(send, /^\/formulas\/[0-9a-f]/, () => ({ status: 404 })),
  },
  'a formula that a reader was shown is gone': {
    says: /shown once and gone/,
    async spoil({ service, history, send }) {
      await history.submit(cutting(send, false), 'g', formula('G', 7))
      const shown = { ...(await storedAs({ service, history, send }, 'A')), ...formula('G', 7), id: 'a'.repeat(64) }
      await history.look(listing(send, (all) => [shown, ...all]))
      return undefined
    },
  },
  'a replay has other bytes': {
    says: /answered with other bytes/,
    spoil: ({ send }) => lying(send, /^\/formulas$/, ({ body }) => ({ body: body.replace('added!', 'added') })),
  },
  'a replay of a 409 has other bytes': {
    says: /key f: answered with other bytes/,
    spoil: ({ send }) => lying(send, /^\/formulas$/, ({ body }) => ({ body: body.replace('already', 'Already') })),
  },
  'a replay has lost its Location': {
    says: /answered with another Location/,
    spoil: ({ send }) =>
      lying(send, /^\/formulas$/, ({ headers }) => ({ headers: { ...headers, location: undefined } })),
  },
  'a replay does not say that it is one': {
    says: /carried out twice/,
    spoil: ({ send }) =>
      lying(send, /^\/formulas/, ({ headers }) => ({ headers: { ...headers, 'idempotent-replayed': undefined } })),
  },
  'a key is forgotten, and its retry is carried out anew': {
    says: /key a: answered with another status/,
    spoil:
      ({ send }) =>
      (method, path, headers, body) =>
        send(
          method,
          path,
          headers?.['idempotency-key'] === 'a' ? { ...headers, 'idempotency-key': 'other' } : headers,
          body,
        ),
  },
  'a key answers two payloads': {
    says: /answered for two payloads/,
    async spoil({ history, send }) {
      await history.submit(
        (method, path, _, body) => send(method, path, { 'idempotency-key': 'new' }, body),
        'a',
        formula('G', 7),
      )
      return undefined
    },
  },
  'a key is refused to its own payload': {
    says: /reused by nobody/,
    spoil: ({ send }) => lying(send, /^\/formulas$/, () => ({ status: 422 })),
  },
  'a key stays unusable': {
    says: /key g: the key cannot be used: 503/,
    async spoil({ history, send }) {
      await history.submit(cutting(send, false), 'g', formula('G', 7))
      return lying(send, /^\/formulas$/, (_, body) => (body.includes('"G"') ? { status: 503 } : {}))
    },
  },
  'the retry of what was cut off and stored is a duplicate': {
    says: /key g: not replayed: 409/,
    async spoil({ history, send }) {
      await history.submit(
        cutting((method, path, _, body) => send(method, path, { 'idempotency-key': 'x' }, body), true),
        'g',
        formula('G', 7),
      )
      return undefined
    },
  },
  'a stored 409 rests on nothing': {
    says: /a duplicate of what is not stored: G/,
    async spoil({ history, send }) {
      await history.submit(
        lying(send, /./, () => ({ status: 409, body: exists('G') })),
        'g',
        formula('G', 7),
      )
      return undefined
    },
  },
  'a formula is stored although it was answered 409': {
    says: /answered 409, and G is stored/,
    async spoil({ history, send }) {
      await history.submit(
        lying(send, /./, () => ({ status: 409, body: exists('G') })),
        'g',
        formula('G', 7),
      )
      return undefined
    },
  },
  'an answer is a 500': {
    says: /unexpected answer: 500/,
    async spoil({ history, send }) {
      await history.submit(
        lying(send, /./, () => ({ status: 500 })),
        'g',
        formula('G', 7),
      )
      return undefined
    },
  },
  'a cleanup is left': {
    says: /a cleanup is left/,
    spoil: ({ send }) => lying(send, /^\/cleanups/, () => ({ body: '{"cleanups":[{"id":"c"}]}' })),
  },
}

seesEach(t, WORLDS)
