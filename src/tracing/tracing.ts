import { type Tracer, UNTRACED } from '../submission/tracer.ts'

/** How the service is seen in traces. */
export interface Tracing {
  tracer: Tracer
}

/** Where nothing is traced. */
export const NOT_TRACING: Tracing = { tracer: UNTRACED }

/** What a line of the log tells of the trace that it is written in. Tracing gives it, once it is open. */
export interface LogTraceContext {
  ids(): object
}
