/** PostgreSQL quotes the value that it could not take in its messages of class 22, data exceptions. */
const DATA_EXCEPTION = /^22[0-9A-Z]{3}$/

/** What an error says, whatever was thrown; without the data that it quotes, since formulas are secrets. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, message } = error as { code?: unknown; message: string }
  const quotesData = error instanceof SyntaxError || (typeof code === 'string' && DATA_EXCEPTION.test(code))
  return quotesData ? message.replace(/".*"/s, '"…"') : message
}
