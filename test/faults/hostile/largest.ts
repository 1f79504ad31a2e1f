import type { Test } from 'tap'
import { post } from '../../support/service-process.ts'

interface Stored {
  formulas: { name: string; materials: { name: string }[] }[]
}

const LETTER = '\u{1d4b3}'

/** Four bytes a character, different for each number. */
const longName = (number: number): string => `${LETTER.repeat(195)}${String(number).padStart(5, '0')}`

/** Submissions at the very limits of the contract are taken like any other. */
export async function largest(t: Test, url: string): Promise<void> {
  const list = Array.from({ length: 1_000 }, (_, i) => ({
    name: longName(i),
    materials: [{ name: `m${i}`, concentration: '999999999999.999999999999' }],
  }))
  const many = {
    name: longName(500),
    materials: Array.from({ length: 500 }, (_, i) => ({ name: longName(i), concentration: `0.${'0'.repeat(11)}1` })),
  }
  for (const [key, body] of [
    ['list', list],
    ['materials', many],
  ] as const) {
    const answer = await post(url, `largest-${key}`, body)
    t.equal(answer.status, 200, key)
    const text = await answer.text()
    const { formulas } = JSON.parse(text) as Stored
    t.equal(formulas.length, [body].flat().length)
    t.same(formulas.at(-1)?.materials.at(-1)?.name, [body].flat().at(-1)?.materials.at(-1)?.name)
    t.equal(await (await post(url, `largest-${key}`, body)).text(), text, 'and replayed byte for byte')
  }
}
