/** PostgreSQL's messages of class 22, data exceptions, quote the invalid value. */
const DATA_EXCEPTION = /^22[0-9A-Z]{3}$/

/** The message of any thrown value, without data that it may quote: formulas are secret. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, message } = error as { code?: unknown; message: string }
  const quotesData = error instanceof SyntaxError || (typeof code === 'string' && DATA_EXCEPTION.test(code))
  return quotesData ? message.replace(/".*"/s, '"…"') : message
}
