import type { Test } from 'tap'
import { ConfigError, readConfig } from '../../src/config/config.ts'

/** What is wrong with a configuration, one line each. */
export function problemsOf(t: Test, env: NodeJS.ProcessEnv): string[] {
  try {
    readConfig(env)
  } catch (error) {
    t.ok(error instanceof ConfigError)
    return (error as ConfigError).problems
  }
  return []
}
