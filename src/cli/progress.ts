import { SingleBar } from 'cli-progress'

interface State {
  /** How much of `total` is done. */
  done: number
  text: string
}

export interface Progress {
  /** Clears the line of the bar, so that the caller can write a permanent line. */
  clear(): void
  end(): void
}

const REDRAW_MS = 200
const LINE_MS = 5_000

/**
 * Shows progress: a bar on a terminal, elsewhere a line every few seconds.
 * @param total the final value of `done`; null if unknown
 * @param read called for what to show, every `everyMs` milliseconds
 */
export function showProgress(
  output: NodeJS.WriteStream,
  total: number | null,
  read: () => State,
  everyMs = output.isTTY ? REDRAW_MS : LINE_MS,
): Progress {
  return output.isTTY ? bar(output, total, read, everyMs) : lines(output, total, read, everyMs)
}

function bar(output: NodeJS.WriteStream, total: number | null, read: () => State, everyMs: number): Progress {
  const format = total === null ? '{text}' : '[{bar}] {percentage}% {eta_formatted} {text}'
  const shown = new SingleBar({ format, stream: output, hideCursor: true, forceRedraw: true, etaBuffer: 100 })
  shown.start(total ?? 1, 0, { text: '' })
  const update = () => {
    const { done, text } = read()
    shown.update(total === null ? 0 : done, { text })
  }
  const timer = setInterval(update, everyMs)
  return {
    clear: () => void output.write('\r\x1b[K'),
    end() {
      clearInterval(timer)
      update()
      shown.stop()
    },
  }
}

function lines(output: NodeJS.WriteStream, total: number | null, read: () => State, everyMs: number): Progress {
  const write = () => {
    const { done, text } = read()
    output.write(total ? `${Math.floor((100 * done) / total)}% ${text}\n` : `${text}\n`)
  }
  const timer = setInterval(write, everyMs)
  return {
    clear: () => {},
    end: () => clearInterval(timer),
  }
}

/** Shows the progress of consecutive parts of a command; writes a line per finished part if it is not a terminal. */
export function showParts(output: NodeJS.WriteStream): {
  begin(part: string, total: number): void
  add(done: number): void
  end(): void
} {
  let [part, done, shown]: [string, number, Progress | null] = ['', 0, null]
  return {
    begin(name, total) {
      ;[part, done] = [name, 0]
      shown = showProgress(output, total, () => ({ done, text: part }))
    },
    add(more) {
      done += more
    },
    end() {
      shown?.end()
      if (!output.isTTY) output.write(`${part}: ${done}\n`)
    },
  }
}
