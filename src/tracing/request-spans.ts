import { type Span, SpanStatusCode } from '@opentelemetry/api'
import { ATTR_URL_PATH } from '@opentelemetry/semantic-conventions'

/**
 * Names the span of a request by its route: a path or a query may hold what nobody else is to read, such as the name of
 * a formula.
 */
export function nameSpan(span: Span, method: string, route: string | undefined): void {
  span.updateName(route === undefined ? method : `${method} ${route}`)
  span.setAttribute(ATTR_URL_PATH, route ?? '')
}

/** What the caller has done wrong is no error of the service. What is said to be right stays so, whatever follows. */
export function clearSpanError(span: Span): void {
  span.setStatus({ code: SpanStatusCode.OK })
}
