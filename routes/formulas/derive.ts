import { type TSchema, Type } from '@sinclair/typebox'
import type { FastifyPluginAsync, FastifyRequest, FastifySchemaCompiler, RouteShorthandOptions } from 'fastify'
import { ServiceError } from '../../src/errors/service-error.ts'
import { StoreUnavailable } from '../../src/errors/store-errors.ts'
import { checkDerivation, type Derivation, derivationPayload, derive, MAX_CHANGES } from '../../src/formula/derive.ts'
import { type EachField, FORMULA_NAME_LENGTH, MATERIAL_NAME_LENGTH } from '../../src/formula/formula.ts'
import { isFingerprint } from '../../src/formula/identity.ts'
import * as examples from '../../src/openapi/examples.ts'
import type { SubmissionRequest } from '../../src/submission/submission.ts'
import { errorAnswers, idParams, strictObject } from '../schemas.ts'
import { submit } from './answer.ts'
import {
  ADDED,
  Concentration,
  Metadata,
  SubmitAnswer,
  submissionHeaders,
  submitFormulas,
  submittedName,
} from './schemas.ts'

const material = submittedName('Found by the same comparison as in submissions', 'Linalool', MATERIAL_NAME_LENGTH)

const change = ($id: string, description: string, operation: Record<string, TSchema>) =>
  strictObject({ material, ...operation }, { $id, description })

const Change = Type.Union(
  [
    change('Addition', 'Adds to the concentration', { add: Concentration }),
    change('Subtraction', 'Subtracts from the concentration', { subtract: Concentration }),
    change('Setting', 'Sets the concentration; a material that is not there is added last', { set: Concentration }),
    change('Removal', 'Removes the material', { remove: Type.Literal(true) }),
  ],
  { $id: 'Change', description: 'A change of one material' },
)

const fields = {
  name: submittedName('The name of the new formula', 'Rose Garden II', FORMULA_NAME_LENGTH),
  changes: Type.Optional(
    Type.Array(Change, { maxItems: MAX_CHANGES, description: 'Applied in order. May be left out only with `scale`' }),
  ),
  scale: Type.Optional(Concentration),
  metadata: Type.Optional(Metadata),
} satisfies EachField<Derivation, TSchema>

const deriveFormula = {
  operationId: 'deriveFormula',
  tags: ['Formulas'],
  summary: 'Derive a formula',
  description:
    'Stores a new formula, made from a stored one: the changes are applied in order, then all concentrations are multiplied by `scale`. The arithmetic is exact, and only its result is checked. Metadata is not inherited. Everything else is as for a submission of one formula, whose keys it shares. A replay needs no parent: it works even if that has been erased.',
  requestHeaders: submissionHeaders,
  params: idParams('The id of the parent'),
  body: strictObject(fields, { $id: 'DeriveBody', description: 'What to change' }),
  response: { 200: SubmitAnswer, ...errorAnswers },
  responseHeaders: submitFormulas.responseHeaders,
  errors: [
    ...(['INVALID_JSON', 'IDEMPOTENCY_KEY_MISSING', 'IDEMPOTENCY_KEY_INVALID'] as const),
    ...(['FORMULA_NAME_MISSING', 'FORMULA_NAME_NOT_STRING', 'FORMULA_NAME_INVALID', 'FORMULA_FIELD_UNKNOWN'] as const),
    ...(['MATERIAL_NAME_NOT_STRING', 'MATERIAL_NAME_INVALID', 'MATERIAL_CONCENTRATION_NOT_DECIMAL'] as const),
    ...(['MATERIAL_FIELD_UNKNOWN', 'METADATA_INVALID', 'CHANGES_INVALID', 'MATERIAL_NOT_IN_FORMULA'] as const),
    ...(['CONCENTRATION_NOT_POSITIVE', 'CONCENTRATION_TOO_LONG', 'FORMULA_NOT_FOUND', 'FORMULA_EXISTS'] as const),
    ...(['IDEMPOTENCY_KEY_IN_USE', 'IDEMPOTENCY_KEY_REUSED', 'FORMULA_ERASED', 'SUBMISSION_FAILED'] as const),
  ],
  bodyExamples: examples.derivations,
  answerExamples: { Derived: { message: ADDED, formulas: [examples.derivedFormula] } },
} as const

interface DeriveRequest {
  Body: Derivation
  Params: { id: string }
}

/** @param options.intake what all routes that submit have in common */
export const derivations: FastifyPluginAsync<{ intake: RouteShorthandOptions }> = async (fastify, { intake }) => {
  const checkBySchema = fastify.validatorCompiler as FastifySchemaCompiler<unknown>
  fastify.post<DeriveRequest>(
    '/:id/derive',
    {
      ...intake,
      config: { ...intake.config, alsoScope: 'read' },
      schema: deriveFormula,
      validatorCompiler: (part) => (part.httpPart === 'body' ? checkDerivation : checkBySchema(part)),
    },
    async (request, reply) => {
      const { body, params, caller, idempotencyKey } = request
      const derived = await formulasOf(request).catch((error: Error) => ({ formulas: [], refusal: error }))
      return submit(request, reply, {
        caller,
        key: idempotencyKey,
        onDuplicate: 'reject',
        single: true,
        requestId: request.id,
        derivedFrom: params.id,
        payload: derivationPayload(params.id, body),
        ...derived,
      })
    },
  )
}

async function formulasOf(request: FastifyRequest<DeriveRequest>): Promise<Pick<SubmissionRequest, 'formulas'>> {
  const { params, body, server } = request
  const parent = isFingerprint(params.id) ? await server.formulaReads.get(params.id).catch(failed) : null
  if (parent === null) throw new ServiceError('FORMULA_NOT_FOUND')
  return { formulas: [derive(parent, body)] }
}

/** A submission whose parent cannot be read has failed, as with any other failure of a store. */
function failed(error: unknown): never {
  throw error instanceof StoreUnavailable ? new ServiceError('SUBMISSION_FAILED') : error
}
