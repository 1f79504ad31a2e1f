import { visit } from 'jsonc-parser'

/** How most, but not all, messages of `JSON.parse` end. */
const PLACE = /\(line (\d+) column (\d+)\)$/

/** Says what is wrong with a text that `JSON.parse` refused with an error. Nothing of the text is quoted. */
export function describeFault(text: string, error: Error): string {
  if (/^[ \t\r\n]*$/.test(text)) return 'the body is empty'
  if (error instanceof RangeError) return 'it is nested too deeply'
  const [, line, column] = PLACE.exec(error.message) ?? findFault(text) ?? []
  return line === undefined ? 'it is broken' : `it is broken at line ${line}, column ${column}`
}

class Fault extends Error {
  readonly place: readonly [code: number, line: number, column: number]

  constructor(code: number, line: number, column: number) {
    super('The text is not JSON')
    this.place = [code, line + 1, column + 1]
  }
}

/** Finds the first place where a text is not JSON; none where it is nested too deeply to be followed. */
function findFault(text: string): Fault['place'] | undefined {
  const onError = (code: number, _offset: number, _length: number, line: number, column: number): never => {
    throw new Fault(code, line, column)
  }
  try {
    visit(text, { onError }, { disallowComments: true })
  } catch (error) {
    if (error instanceof Fault) return error.place
  }
  return undefined
}
