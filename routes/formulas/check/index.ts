import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifySchemaCompiler } from 'fastify'
import { writeDocument } from '../../../src/formula/formula.ts'
import { type CheckedBody, checkSubmission } from '../../../src/formula/validate.ts'
import { decideFormulas } from '../../../src/stores/decide.ts'
import type { Answer } from '../../../src/stores/ports.ts'
import { sendChecked } from '../answer.ts'
import { checkFormulas } from '../schemas.ts'

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  const checkBySchema = fastify.validatorCompiler as FastifySchemaCompiler<unknown>

  fastify.withTypeProvider().post<{ Body: CheckedBody }>(
    '',
    {
      schema: checkFormulas,
      bodyLimit: fastify.config.bodyLimitBytes,
      config: { scope: 'submit', rawBody: true },
      validatorCompiler: (part) => (part.httpPart === 'body' ? checkSubmission : checkBySchema(part)),
    },
    async (request, reply) => {
      const { single } = request.body
      const formulas = request.body.formulas.map((formula) => ({ ...formula, document: writeDocument(formula, null) }))
      const known = await fastify.formulaReads.find(formulas.map(({ id }) => id))
      const lookup = { formula: (id: string) => known.get(id) ?? null }
      const { answer } = decideFormulas({ single, onDuplicate: 'skip', formulas }, lookup)
      // Misses count too: unlike a submission, a check leaves no trace of them.
      fastify.chargeRateLimit(request, reply, formulas.length - 1)
      if (known.size > 0) fastify.metrics.formulasRefused(request.caller, formulas.length)
      return sendChecked(reply, (answer as Extract<Answer, { status: 200 }>).entries)
    },
  )
}

export default routes
