import { visit } from 'jsonc-parser'

/** Most, but not all, messages of `JSON.parse` end like this. */
const POSITION = /\(line (\d+) column (\d+)\)$/

/** Describes why `JSON.parse` refused a text, without quoting it. */
export function describeFault(text: string, error: Error): string {
  if (/^[ \t\r\n]*$/.test(text)) return 'the body is empty'
  if (error instanceof RangeError) return 'it is nested too deeply'
  const [, line, column] = POSITION.exec(error.message) ?? findFault(text) ?? []
  return line === undefined ? 'it is broken' : `it is broken at line ${line}, column ${column}`
}

class Fault extends Error {
  readonly position: readonly [code: number, line: number, column: number]

  constructor(code: number, line: number, column: number) {
    super('The text is not JSON')
    this.position = [code, line + 1, column + 1]
  }
}

/** Finds the first position where a text is not JSON; undefined when it is nested too deeply for the parser. */
function findFault(text: string): Fault['position'] | undefined {
  const onError = (code: number, _offset: number, _length: number, line: number, column: number): never => {
    throw new Fault(code, line, column)
  }
  try {
    visit(text, { onError }, { disallowComments: true })
  } catch (error) {
    if (error instanceof Fault) return error.position
  }
  return undefined
}
