import { type Line, open, readAnswers } from './wire.ts'

const PAUSE_MS = 300

/** Connections on which a request arrives a byte at a time, and never ends. */
export class Trickle {
  readonly #lines: Line[]
  readonly #timer: NodeJS.Timeout

  private constructor(lines: Line[], byte: string) {
    this.#lines = lines
    this.#timer = setInterval(() => {
      for (const { socket } of lines) if (socket.writable) socket.write(byte)
    }, PAUSE_MS)
  }

  /** @param start what is sent of each at once; `byte` is what is then repeated */
  static async start(port: number, howMany: number, start: (index: number) => string, byte: string): Promise<Trickle> {
    const lines = await Promise.all(Array.from({ length: howMany }, () => open(port)))
    for (const [index, { socket }] of lines.entries()) socket.write(start(index))
    return new Trickle(lines, byte)
  }

  /** How many are still being listened to. */
  get open(): number {
    return this.#lines.filter(({ socket }) => !socket.destroyed && !socket.readableEnded).length
  }

  /** Waits until the server has ended all of them. */
  async cutOff(): Promise<void> {
    await Promise.all(this.#lines.map(({ ended }) => ended))
  }

  /** Ends them. @returns what they were answered */
  stop(): ReturnType<typeof readAnswers>[] {
    clearInterval(this.#timer)
    for (const { socket } of this.#lines) socket.destroy()
    return this.#lines.map(({ received }) => readAnswers(received()))
  }
}
