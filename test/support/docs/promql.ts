import { parser } from '@prometheus-io/lezer-promql'

/** What a PromQL query asks for. */
export interface Asked {
  metrics: string[]
  /** Each label that it selects or groups by, with the values that it wants to be equal to. */
  labels: { name: string; values: string[] }[]
  functions: string[]
}

const PLAIN_VALUES = /^[\w./:-]+(?:\|[\w./:-]+)*$/

/**
 * Reads a query with Prometheus's own grammar.
 * @throws {Error} at a syntax error, with its position and text
 */
export function read(query: string): Asked {
  const asked: Asked = { metrics: [], labels: [], functions: [] }
  parser.parse(query).iterate({
    enter({ type, name, from, to, node }) {
      const text = query.slice(from, to)
      if (type.isError) throw new Error(`${query}: wrong at ${from}: ${query.slice(from, from + 20)}`)
      if (name === 'VectorSelector') asked.metrics.push(query.slice(from, node.firstChild?.to))
      if (name === 'FunctionIdentifier') asked.functions.push(text)
      if (name !== 'LabelName') return
      const literal = node.parent?.getChild('StringLiteral')
      const operator = node.parent?.getChild('MatchOp')
      const wanted = literal && operator ? query.slice(literal.from + 1, literal.to - 1) : ''
      const isEqual = operator && !query.slice(operator.from, operator.to).startsWith('!')
      asked.labels.push({ name: text, values: isEqual && PLAIN_VALUES.test(wanted) ? wanted.split('|') : [] })
    },
  })
  return asked
}
