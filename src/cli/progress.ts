import { SingleBar } from 'cli-progress'

/** What progress shows. */
export interface Shown {
  /** How much is done, of `total`. */
  done: number
  /** What has come of it, in words. */
  text: string
}

/** Shows how far a command is, until it ends. */
export interface Progress {
  /** Makes room for a line that stays, which the caller writes. */
  clear(): void
  end(): void
}

const REDRAW_MS = 200
const LINE_MS = 5_000

/**
 * Shows progress: a bar on a terminal, elsewhere a line now and then.
 * @param total how much `done` will be in the end; null when nobody knows
 * @param look asked for what to show, every `everyMs` milliseconds
 */
export function showProgress(
  output: NodeJS.WriteStream,
  total: number | null,
  look: () => Shown,
  everyMs = output.isTTY ? REDRAW_MS : LINE_MS,
): Progress {
  return output.isTTY ? bar(output, total, look, everyMs) : lines(output, total, look, everyMs)
}

function bar(output: NodeJS.WriteStream, total: number | null, look: () => Shown, everyMs: number): Progress {
  const format = total === null ? '{text}' : '[{bar}] {percentage}% {eta_formatted} {text}'
  const shown = new SingleBar({ format, stream: output, hideCursor: true, forceRedraw: true, etaBuffer: 100 })
  shown.start(total ?? 1, 0, { text: '' })
  const update = () => {
    const { done, text } = look()
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

function lines(output: NodeJS.WriteStream, total: number | null, look: () => Shown, everyMs: number): Progress {
  const write = () => {
    const { done, text } = look()
    output.write(total ? `${Math.floor((100 * done) / total)}% ${text}\n` : `${text}\n`)
  }
  const timer = setInterval(write, everyMs)
  return {
    clear: () => {},
    end: () => clearInterval(timer),
  }
}
