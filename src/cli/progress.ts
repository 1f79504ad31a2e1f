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
 * @param read returns what to show; called every `everyMs` milliseconds
 */
export function showProgress(
  output: NodeJS.WriteStream,
  total: number | null,
  read: () => State,
  everyMs = output.isTTY ? REDRAW_MS : LINE_MS,
): Progress {
  const bar = output.isTTY ? startBar(output, total) : null
  const show = () => {
    const { done, text } = read()
    if (bar !== null) bar.update(total === null ? 0 : done, { text })
    else output.write(total ? `${Math.floor((100 * done) / total)}% ${text}\n` : `${text}\n`)
  }
  const timer = setInterval(show, everyMs)
  return {
    clear: () => void (bar !== null && output.write('\r\x1b[K')),
    end() {
      clearInterval(timer)
      if (bar === null) return
      show()
      bar.stop()
    },
  }
}

function startBar(stream: NodeJS.WriteStream, total: number | null): SingleBar {
  const format = total === null ? '{text}' : '[{bar}] {percentage}% {eta_formatted} {text}'
  const bar = new SingleBar({ format, stream, hideCursor: true, forceRedraw: true, etaBuffer: 100 })
  bar.start(total ?? 1, 0, { text: '' })
  return bar
}

/** Shows the progress of consecutive parts of a command; where there is no terminal, writes a line per finished part. */
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
      if (shown === null) return
      shown.end()
      shown = null
      if (!output.isTTY) output.write(`${part}: ${done}\n`)
    },
  }
}
