/**
 * Submits the formula (or the list) in a file exactly once, no matter how often it runs or where it was interrupted:
 *
 *   node examples/submit.ts order-4711.json
 *
 * Reads SERVICE_URL and API_KEY from the environment. Exit codes: 0 added, 1 refused or no answer, 2 already stored.
 */
import { isUtf8 } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
// In a project of your own: from 'fragrance-formula-intake-client'.
import { IntakeClient, IntakeError } from '../client/src/client.ts'

const { SERVICE_URL: url = 'http://127.0.0.1:3000', API_KEY: apiKey } = process.env

/**
 * Returns the idempotency key for this file. It is chosen once and saved before anything is sent: a new key after a crash
 * would submit the file again. If your orders have unique numbers, use such a number instead.
 */
function keyOf(file: string): string {
  const path = `${file}.key`
  if (!existsSync(path)) {
    writeFileSync(`${path}.new`, randomUUID(), { flush: true })
    renameSync(`${path}.new`, path)
  }
  return readFileSync(path, 'utf8')
}

const file = process.argv[2]
if (file === undefined || !existsSync(file)) {
  console.error(file === undefined ? 'Usage: node examples/submit.ts <file>' : `There is no file ${file}`)
  process.exit(1)
}
const bytes = readFileSync(file)
if (!isUtf8(bytes)) {
  // Decoded all the same, each letter that is not ASCII would be stored as U+FFFD.
  console.error(`${file} is not in UTF-8`)
  process.exit(1)
}
try {
  // Send the text unparsed: a parser that reads numbers as doubles would change concentrations.
  const { formulas } = await new IntakeClient({ url, apiKey }).submit(bytes.toString(), { key: keyOf(file) })
  console.log(JSON.stringify({ added: formulas.map(({ id }) => id) }))
} catch (error) {
  if (!(error instanceof IntakeError)) throw error
  // FORMULA_EXISTS: each detail has the id of the stored formula. NO_ANSWER, 503: run this again. 400: correct the formula.
  const { status, code, details } = error
  console.log(JSON.stringify({ status, code, details }))
  process.exitCode = code === 'FORMULA_EXISTS' ? 2 : 1
}
