import fc, { type Arbitrary } from 'fast-check'
import { type Test, test } from 'tap'
import { IDEMPOTENCY_KEY } from '../../routes/formulas/schemas.ts'
import { CANONICAL, canonicalDecimal, DECIMAL } from '../../src/formula/decimal.ts'
import { FORMULA_NAME_LENGTH, MATERIAL_NAME_LENGTH } from '../../src/formula/formula.ts'
import { checkName, namePattern } from '../../src/formula/identity.ts'
import { seed } from '../faults/extent.ts'
import { startService } from '../support/http/service.ts'

// Compares the document's regular expressions with what the service really accepts.

const PARAMETERS = { seed, numRuns: 2_000 }

/** Texts of a few characters that matter, any others, and long ones. */
const textsOf = (...characters: string[]): Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: fc.constantFrom(...characters), maxLength: 12 }),
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc
      .tuple(fc.constantFrom(...characters), fc.integer({ min: 195, max: 510 }))
      .map(([one, times]) => one.repeat(times)),
  )

function agree(
  t: Test,
  texts: Arbitrary<string>,
  says: (text: string) => boolean,
  does: (text: string) => boolean,
): void {
  fc.assert(
    fc.property(texts, (text) => says(text) === does(text)),
    PARAMETERS,
  )
  t.pass()
}

test('the pattern of names takes what is taken as a name, and nothing else', async (t) => {
  const texts = textsOf(...'a \t\n\u0085\u00a0\u200b\u3000\u0000😀é', '\ud800', '\udc00')
  for (const most of [FORMULA_NAME_LENGTH, MATERIAL_NAME_LENGTH]) {
    const pattern = new RegExp(namePattern(most), 'u')
    agree(
      t,
      texts,
      (text) => pattern.test(text),
      (text) => checkName(text, most) !== null,
    )
  }
})

test('each decimal that is taken has the pattern of decimals, and comes back in that of canonical form', async (t) => {
  const texts = textsOf('0', '1', '9', '.', 'e', 'E', '+', '-', ' ')
  fc.assert(
    fc.property(texts, (text) => {
      const canonical = canonicalDecimal(text)
      return canonical === null || (DECIMAL.test(text) && CANONICAL.test(canonical))
    }),
    PARAMETERS,
  )
  agree(
    t,
    texts,
    (text) => CANONICAL.test(text),
    (text) => canonicalDecimal(text) === text,
  )
})

test('the pattern of idempotency keys takes those that are taken, and nothing else', async (t) => {
  const { send } = await startService(t)
  const texts = textsOf('a', '!', '~', '"', '\\', '[', ']', ' ', 'ÿ').filter((text) => /^[\x20-\xff]*$/.test(text))
  const isTaken = async (key: string): Promise<boolean> => {
    const answer = await send({ method: 'POST', url: '/formulas', headers: { 'idempotency-key': key } })
    return answer.json().code === 'INVALID_JSON'
  }
  const property = fc.asyncProperty(texts, async (text) => IDEMPOTENCY_KEY.test(text) === (await isTaken(text)))
  await fc.assert(property, { ...PARAMETERS, numRuns: 500 })
  t.pass()
})
