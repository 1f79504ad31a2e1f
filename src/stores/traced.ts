/** The field that tells where a submission is seen in a trace; none where it is not. */
export const traced = (traceparent: string | null | undefined): { traceparent?: string } =>
  traceparent ? { traceparent } : {}
