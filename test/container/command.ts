import { type ChildProcess, execFile } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Runs a command of the engine. @returns what it says. @throws with what it says on stderr */
export async function ask(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(program, args, { maxBuffer: 64 * 1024 * 1024 })
  return stdout.trim()
}

/** Collects what a process says, on both streams. */
export function listen(child: ChildProcess): () => string {
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk))
  return () => output
}

/** The environment, as engines take it. */
export const flags = (environment: Record<string, string>): string[] =>
  Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`])

/** Waits for the end of a process. */
export async function ended(child: ChildProcess): Promise<{ code: number | null; output: string }> {
  const output = listen(child)
  const [code] = await once(child, 'close')
  return { code, output: output() }
}
