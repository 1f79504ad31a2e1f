import { SingleBar } from 'cli-progress'
import type { Progress } from '../stores/move/move-store.ts'

/** A bar on a terminal; elsewhere a line when each part is done. */
export function progressOn(output: NodeJS.WriteStream): Progress {
  return output.isTTY ? bar(output) : lines(output)
}

function bar(output: NodeJS.WriteStream): Progress {
  const format = '{what} [{bar}] {value}/{total} {percentage} % {eta_formatted}'
  const shown = new SingleBar({ format, stream: output, hideCursor: true })
  return {
    begin: (what, total) => shown.start(total, 0, { what: what.padEnd(14) }),
    add: (rows) => shown.increment(rows),
    end: () => shown.stop(),
  }
}

function lines(output: NodeJS.WriteStream): Progress {
  let [part, done] = ['', 0]
  return {
    begin(what) {
      part = what
      done = 0
    },
    add(rows) {
      done += rows
    },
    end: () => void output.write(`${part}: ${done}\n`),
  }
}
