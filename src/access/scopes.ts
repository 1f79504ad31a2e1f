/** What a key may be allowed to do; `admin` is allowed everything. */
export const SCOPES = ['submit', 'read', 'consume', 'admin'] as const

export type Scope = (typeof SCOPES)[number]

/** Whether a key with some scopes may do what asks for one, or for one of several. */
export function allows(held: readonly Scope[], asked: Scope | readonly Scope[]): boolean {
  if (held.includes('admin')) return true
  return typeof asked === 'string' ? held.includes(asked) : asked.some((scope) => held.includes(scope))
}

export const isScope = (text: unknown): text is Scope => SCOPES.includes(text as Scope)
