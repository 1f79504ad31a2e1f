import { type TSchema, Type } from '@sinclair/typebox'
import { catalogue, type ErrorCode } from '../../src/errors/catalogue.ts'
import { CANONICAL, DECIMAL, DECIMAL_DIGITS } from '../../src/formula/decimal.ts'
import {
  type EachField,
  FORMULA_NAME_LENGTH,
  type Formula,
  type FormulaDocument,
  type FormulaFields,
  MATERIAL_NAME_LENGTH,
  MAX_FORMULAS,
  MAX_MATERIALS,
  MAX_METADATA,
  type Material,
  METADATA_KEY,
  METADATA_VALUE_LENGTH,
} from '../../src/formula/formula.ts'
import { namePattern } from '../../src/formula/identity.ts'
import { storedFormula, submissions } from '../../src/openapi/examples.ts'
import {
  answers,
  cursor,
  errorAnswers,
  formulaId,
  idParams,
  limit,
  nextCursor,
  storedName,
  strictObject,
  timestamp,
} from '../schemas.ts'
import { filters } from './filters.ts'

const tags = ['Formulas']

/**
 * An Idempotency-Key: 1 to 255 visible ASCII characters, bare, or quoted as a string of RFC 9651, as the IETF draft
 * prescribes. A quoted key may contain blanks, but not only blanks.
 */
export const IDEMPOTENCY_KEY = /^(?:[!#-~](?:[!-~]{0,253}[!#-~])?|"(?! *")(?:[ !#-[\]-~]|\\["\\]){1,255}")$/

export const submissionHeaders = Type.Object({
  'Idempotency-Key': Type.String({
    description:
      '1 to 255 visible ASCII characters, bare (`order-1`) or quoted (`"order-1"`): both are the same key. A quoted key may contain blanks, but not only blanks. It belongs to the caller and is kept for IDEMPOTENCY_TTL_HOURS',
    pattern: IDEMPOTENCY_KEY.source,
    examples: ['order-1', '"order-2"'],
  }),
  Prefer: Type.Optional(
    Type.String({
      description: 'RFC 7240: with `return=minimal` the answer shows formulas only by their ids',
      examples: ['return=minimal'],
    }),
  ),
})

export const submittedName = (description: string, example: string, max: number) =>
  Type.String({
    pattern: namePattern(max),
    description: `${description}. 1 to ${max} characters after trimming, at least one of them visible and none a control character`,
    examples: [example],
  })

const digits = `at most ${DECIMAL_DIGITS} digits before and ${DECIMAL_DIGITS} after the point once an exponent is expanded`

export const Concentration = Type.Union(
  [
    Type.String({ pattern: DECIMAL.source, examples: ['12.5', '.50', '1e1'] }),
    Type.Number({ exclusiveMinimum: 0, maximum: 10 ** DECIMAL_DIGITS, examples: [12.5] }),
  ],
  {
    $id: 'Concentration',
    description: `An exact decimal above 0 with ${digits}. It is never rounded; longer ones are refused. No unit is assumed`,
  },
)

const SubmittedMaterial = strictObject(
  {
    name: submittedName(
      'Compared without regard to case, width, runs of blanks, kinds of dashes, trade mark signs and invisible characters',
      'Linalool',
      MATERIAL_NAME_LENGTH,
    ),
    concentration: Concentration,
  } satisfies EachField<Material, TSchema>,
  { $id: 'SubmittedMaterial' },
)

export const Metadata = Type.Record(
  Type.String({ pattern: METADATA_KEY.source }),
  Type.String({ maxLength: METADATA_VALUE_LENGTH, pattern: '^\\P{Cc}*$' }),
  {
    $id: 'Metadata',
    additionalProperties: false,
    maxProperties: MAX_METADATA,
    description: 'Notes on the formula, not part of the composition',
    examples: [{ client: 'Maison Verte', 'cas.Linalool': '78-70-6' }],
  },
)

const SubmittedFormula = strictObject(
  {
    name: submittedName('Not part of the composition', 'Rose Garden', FORMULA_NAME_LENGTH),
    materials: Type.Array(SubmittedMaterial, {
      minItems: 1,
      maxItems: MAX_MATERIALS,
      description: 'A set: order does not matter, and each material may occur only once',
    }),
    metadata: Type.Optional(Metadata),
  } satisfies EachField<FormulaFields, TSchema>,
  { $id: 'SubmittedFormula', description: 'A formula to be submitted' },
)

const SubmitBody = Type.Union(
  [SubmittedFormula, Type.Array(SubmittedFormula, { minItems: 1, maxItems: MAX_FORMULAS })],
  { $id: 'SubmitBody', description: 'One formula or a list' },
)

const onDuplicate = Type.Optional(
  Type.Union([Type.Literal('reject'), Type.Literal('skip')], {
    default: 'reject',
    description: 'If a composition is known: reject the whole submission, or skip the known ones and add the others',
    examples: ['skip'],
  }),
)

const StoredMaterial = Type.Object(
  {
    name: storedName('As submitted, trimmed', 'Linalool', MATERIAL_NAME_LENGTH),
    concentration: Type.String({
      description: 'In canonical form: no exponent, no redundant zeros',
      pattern: CANONICAL.source,
      examples: ['12.5'],
    }),
  },
  { $id: 'StoredMaterial' },
)

const storedFields = {
  id: formulaId(),
  name: storedName('As submitted, trimmed', 'Rose Garden'),
  materials: Type.Array(StoredMaterial, { minItems: 1, maxItems: MAX_MATERIALS, description: 'In submitted order' }),
  createdAt: timestamp('When it was accepted'),
  metadata: Type.Optional(Metadata),
  submittedBy: Type.Optional(
    Type.String({ description: 'The name of the API key that submitted it; absent without keys', examples: ['lab'] }),
  ),
  derivedFrom: Type.Optional(formulaId('The id of the formula that it was derived from')),
} satisfies EachField<Formula & FormulaDocument, TSchema>

export const StoredFormula = Type.Object(storedFields, { $id: 'StoredFormula', description: 'A stored formula' })

const outcome = Type.Optional(
  Type.Union([Type.Literal('added'), Type.Literal('duplicate')], { description: 'Only with onDuplicate=skip' }),
)

const SubmissionEntry = Type.Object(
  { ...storedFields, outcome },
  { $id: 'SubmissionEntry', description: 'A stored formula; with onDuplicate=skip also whether it was added' },
)

const FormulaReference = strictObject(
  { id: formulaId(), outcome },
  {
    $id: 'FormulaReference',
    description:
      'A formula, shown only by its id: with `Prefer: return=minimal`; a duplicate also for callers without the scope `read`, and beyond 4 MiB of formulas in an answer',
  },
)

/** What every accepted submission says. */
export const ADDED = 'Formula(s) added!'

export const SubmitAnswer = Type.Object(
  {
    message: Type.String({ examples: [ADDED] }),
    formulas: Type.Array(Type.Union([SubmissionEntry, FormulaReference]), { description: 'In the order of the list' }),
  },
  { $id: 'SubmitAnswer', description: 'The formulas, added or (with onDuplicate=skip) already known' },
)

/** The codes of validation errors of formulas. */
const FORMULA_ERRORS = (Object.keys(catalogue) as ErrorCode[]).filter(
  (code) =>
    /^(FORMULA|MATERIAL|METADATA)_/.test(code) && catalogue[code].status === 400 && code !== 'MATERIAL_NOT_IN_FORMULA',
)

export const submitFormulas = {
  operationId: 'submitFormulas',
  tags,
  summary: 'Submit formulas',
  description:
    'Accepts formulas exactly once. A submission may be repeated with the same `Idempotency-Key`: it is stored once, and a repeat gets the first answer, byte for byte, with `Idempotent-Replayed: true`. The same payload means the same names, metadata, compositions, order and `onDuplicate`, not the same bytes.',
  requestHeaders: submissionHeaders,
  querystring: strictObject({ onDuplicate }, { $id: 'SubmitQuery' }),
  body: SubmitBody,
  response: { 200: SubmitAnswer, ...errorAnswers },
  responseHeaders: ['Location', 'Idempotent-Replayed', 'Preference-Applied'],
  errors: [
    ...(['INVALID_JSON', 'IDEMPOTENCY_KEY_MISSING', 'IDEMPOTENCY_KEY_INVALID', ...FORMULA_ERRORS] as const),
    ...(['FORMULA_EXISTS', 'IDEMPOTENCY_KEY_IN_USE', 'IDEMPOTENCY_KEY_REUSED', 'FORMULA_ERASED'] as const),
    'SUBMISSION_FAILED',
  ] as ErrorCode[],
  bodyExamples: submissions,
  answerExamples: {
    Added: { message: ADDED, formulas: [storedFormula] },
    'Already known, with onDuplicate=skip': { message: ADDED, formulas: [{ ...storedFormula, outcome: 'duplicate' }] },
    'Added, with Prefer: return=minimal': { message: ADDED, formulas: [{ id: storedFormula.id }] },
    'Already known, without the scope read': {
      message: ADDED,
      formulas: [{ id: storedFormula.id, outcome: 'duplicate' }],
    },
  },
} as const

const CheckedFormula = Type.Object(
  {
    ...storedFields,
    createdAt: Type.Optional(storedFields.createdAt),
    outcome: Type.Union([Type.Literal('new'), Type.Literal('duplicate')]),
  },
  {
    $id: 'CheckedFormula',
    description:
      'A new formula as it would be stored; a duplicate as it is stored, or, if it occurs earlier in the list, as it would be',
  },
)

export const checkFormulas = {
  operationId: 'checkFormulas',
  tags,
  summary: 'Check formulas',
  description:
    'Says which compositions are known, without storing or reserving anything: a formula that is new now may be known when it is submitted. A composition of a submission under way counts as new. Each formula of the list counts as a request against the rate limit.',
  body: SubmitBody,
  response: answers('CheckAnswer', 'The formulas, each new or a duplicate', {
    formulas: Type.Array(Type.Union([CheckedFormula, FormulaReference]), { description: 'In the order of the list' }),
  }),
  errors: ['INVALID_JSON', ...FORMULA_ERRORS, 'STORE_UNAVAILABLE'] as ErrorCode[],
  bodyExamples: submissions,
  answerExamples: {
    New: { formulas: [{ id: storedFormula.id, ...submissions['A formula'], outcome: 'new' }] },
    Known: { formulas: [{ ...storedFormula, outcome: 'duplicate' }] },
    'The same, without the scope read': { formulas: [{ id: storedFormula.id, outcome: 'duplicate' }] },
  },
} as const

export const listFormulas = {
  operationId: 'listFormulas',
  tags,
  summary: 'List formulas',
  description:
    'Newest first. A page with a filter may be short or empty before the last: go on until `nextCursor` is null. A cursor holds for the same filters only.',
  querystring: strictObject({ limit, cursor: cursor('formulas'), ...filters }, { $id: 'ListFormulasQuery' }),
  response: answers('FormulaPage', 'A page of formulas', { formulas: Type.Array(StoredFormula), nextCursor }),
  responseHeaders: ['Link'],
  errors: ['CURSOR_INVALID', 'STORE_UNAVAILABLE'],
  answerExamples: { 'The last page': { formulas: [storedFormula], nextCursor: null } },
} as const

export const getFormula = {
  operationId: 'getFormula',
  tags,
  summary: 'Get a formula',
  description: 'One stored formula by its id. A formula never changes, but it may be erased.',
  params: idParams('The id of a formula'),
  requestHeaders: Type.Object({
    'If-None-Match': Type.Optional(
      Type.String({
        description: 'The `ETag` of an earlier answer: 304 if it is the same',
        examples: [`"${storedFormula.id}-1"`, '*'],
      }),
    ),
  }),
  response: {
    200: StoredFormula,
    304: Type.Unsafe<undefined>({ type: 'null', description: 'The same as in the earlier answer' }),
    ...errorAnswers,
  },
  responseHeaders: ['ETag'],
  errors: ['FORMULA_NOT_FOUND', 'STORE_UNAVAILABLE'],
  answerExamples: { 'A formula': storedFormula },
} as const

export const eraseFormula = {
  operationId: 'eraseFormula',
  tags,
  summary: 'Erase a formula',
  description:
    'Erases a formula and its event for good: from the stores, from every subscription and its dead letters, and from the answers that replays would give. After a 503 with `STORE_UNAVAILABLE` an erasure that has begun goes on by itself, and is listed among the cleanups; repeat the call until it answers 204 or 404.',
  params: idParams('The id of a formula'),
  response: { 204: Type.Unsafe<undefined>({ type: 'null', description: 'Erased' }), ...errorAnswers },
  errors: ['FORMULA_NOT_FOUND', 'STORE_UNAVAILABLE'],
} as const
