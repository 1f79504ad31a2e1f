/** What runs, and the request that it came with. */
export interface Tracked {
  id: string
  requestId?: string
}

/** How log lines name a submission: by its own id, and by that of its request. */
export const logFields = ({ id, requestId }: Tracked): { submission: string; reqId?: string } =>
  requestId === undefined ? { submission: id } : { submission: id, reqId: requestId }
