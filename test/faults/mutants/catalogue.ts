import { accessMutants } from './access-mutants.ts'
import { answerMutants } from './answer-mutants.ts'
import { clientMutants } from './client-mutants.ts'
import { contractMutants } from './contract-mutants.ts'
import { diskMutants } from './disk-mutants.ts'
import { erasureMutants } from './erasure-mutants.ts'
import { httpMutants } from './http-mutants.ts'
import type { Mutant } from './mutant.ts'
import { observationMutants } from './observation-mutants.ts'
import { openapiMutants } from './openapi-mutants.ts'
import { postgresLogMutants } from './postgres-log-mutants.ts'
import { postgresMutants } from './postgres-mutants.ts'
import { sharedDatabaseMutants } from './shared-database-mutants.ts'
import { sinkMutants } from './sink-mutants.ts'
import { speedMutants } from './speed-mutants.ts'
import { sqliteLogMutants } from './sqlite-log-mutants.ts'
import { sqliteMutants } from './sqlite-mutants.ts'
import { sqliteQueueMutants } from './sqlite-queue-mutants.ts'
import { submissionMutants } from './submission-mutants.ts'
import { subscriptionMutants } from './subscription-mutants.ts'
import { tracingMutants } from './tracing-mutants.ts'

/** Every bug that is planted. */
export const mutants: Mutant[] = [
  ...submissionMutants,
  ...contractMutants,
  ...answerMutants,
  ...sqliteMutants,
  ...sqliteQueueMutants,
  ...sqliteLogMutants,
  ...diskMutants,
  ...speedMutants,
  ...postgresMutants,
  ...postgresLogMutants,
  ...sharedDatabaseMutants,
  ...accessMutants,
  ...httpMutants,
  ...subscriptionMutants,
  ...observationMutants,
  ...tracingMutants,
  ...openapiMutants,
  ...sinkMutants,
  ...erasureMutants,
  ...clientMutants,
]
