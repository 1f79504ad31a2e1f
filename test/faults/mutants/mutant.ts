/** The bugs that most often break exactly-once intake; each is planted at least once. */
export const CLASSIC_BUGS = [
  'ack before commit',
  'event without formula, or formula without event',
  'compensation by fingerprint',
  'key not released after a failed submission',
  'replay of other bytes',
  'lease without fencing',
  'lost cleanup',
  'double publish on ambiguous commit',
] as const

/** A change to one file: the exact text, which must occur once, and its replacement. */
export type Edit = [file: string, from: string, to: string]

/** Names one test: its file, then the names of the tests it stands in, from the outermost to its own. */
export type Check = [file: string, outermost: string, ...inner: string[]]

/** A bug with a meaning, and the test that has to fail when it is planted. */
export interface Mutant {
  /** Describes the bug; unique. */
  name: string
  /** The promise that it breaks. */
  breaks: string
  classic?: (typeof CLASSIC_BUGS)[number]
  edits: [Edit, ...Edit[]]
  caughtBy: Check
}
