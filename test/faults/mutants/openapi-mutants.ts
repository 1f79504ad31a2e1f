import type { Mutant } from './mutant.ts'

const DOCUMENT_TEST = 'test/openapi/document.test.ts'
const FUZZ = 'test/openapi/fuzz.test.ts'
const PATTERNS = 'test/openapi/patterns.test.ts'
const ANSWERED = 'whatever is sent, the answer is one that the document has, and what is accepted is what it allows'

/** Bugs that make the service differ from its OpenAPI document. */
export const openapiMutants: Mutant[] = [
  {
    name: 'openapi: a query is not validated',
    breaks: 'what is accepted is what the document allows',
    edits: [['plugins/validation.ts', 'if (check.Check(value))', 'if (isQuery || check.Check(value))']],
    caughtBy: [FUZZ, ANSWERED],
  },
  {
    name: 'openapi: an answer has a field as another type',
    breaks: 'every answer is valid by its schema',
    edits: [['routes/events/index.ts', '{ acked: settled.accepted', '{ acked: -1']],
    caughtBy: [FUZZ, ANSWERED],
  },
  {
    name: 'openapi: the errors of a path parameter are left out',
    breaks: 'every status is documented',
    edits: [['src/openapi/operation.ts', "url.includes(':')", "url.includes('{')"]],
    caughtBy: [FUZZ, ANSWERED],
  },
  {
    name: 'openapi: an operation does not say its scope',
    breaks: 'security is what routes declare',
    edits: [['src/openapi/operation.ts', 'allows([scope], scopes)', "scope === 'admin'"]],
    caughtBy: [
      DOCUMENT_TEST,
      'each operation has the security that its route declares, where one of its scopes will do, with the other that it needs, or admin',
    ],
  },
  {
    name: 'openapi: a page runs scripts that stand in it',
    breaks: 'a page runs nothing but its own files',
    edits: [['plugins/safety-headers.ts', 'scriptSrc: ["\'self\'"]', 'scriptSrc: ["\'self\'", "\'unsafe-inline\'"]']],
    caughtBy: [
      'test/openapi/docs-page.test.ts',
      'the page may run its own scripts only, none of them within it, and nobody may frame it',
    ],
  },
  {
    name: 'openapi: a name may hold control characters',
    breaks: 'the documented pattern of names is true',
    edits: [['src/formula/identity.ts', ' || CONTROL.test(name)', '']],
    caughtBy: [PATTERNS, 'the pattern of names takes what is taken as a name, and nothing else'],
  },
]
