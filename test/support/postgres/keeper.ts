import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'

// Reads the process to end line by line, the last counts; then, when nobody can tell it any more, ends that process,
// frozen or not, and removes the folder.
const SCRIPT = `
  while read -r line; do pid=$line; done
  if [ -n "$pid" ]; then
    kill -QUIT "$pid"; kill -CONT "$pid"
    while kill -0 "$pid"; do sleep 0.05; done
  fi
  rm -rf -- "$1"
`

/** Sees to it that a server and its folder go, however the process ends that started it: also by `kill -9`. */
export class Keeper {
  readonly #watch: ChildProcess

  constructor(directory: string) {
    // In a process group of its own, which is not ended along with ours.
    const options: SpawnOptions = { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' }
    this.#watch = spawn('/bin/sh', ['-c', SCRIPT, 'keeper', directory], options)
    this.#watch.unref()
    // A pipe to a process is a socket, which its type does not tell.
    const pipe = this.#watch.stdin as unknown as { unref(): void }
    pipe.unref()
  }

  /** @param pid the process to end; undefined when none is left */
  keep(pid: number | undefined): void {
    this.#watch.stdin?.write(`${pid ?? ''}\n`)
  }

  /** Ends the process now, and removes the folder. */
  async finish(): Promise<void> {
    const finished = once(this.#watch, 'exit')
    this.#watch.ref()
    this.#watch.stdin?.end()
    await finished
  }
}
