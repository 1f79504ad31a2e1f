/** The two ways to be atomic: database and queue in one store, or in two. */
export const WAYS = ['one transaction', 'saga'] as const
export type Way = (typeof WAYS)[number]
