import { join } from 'node:path'
import { until } from '../../support/until.ts'
import { freePorts, hasAgreed } from './etcd.ts'
import { Program } from './program.ts'

const SCRIPT = join(import.meta.dirname, 'forward.ts')

/** The ways from one node to the servers of etcd, which can be cut: a process of its own, never late because of a test. */
export class Gate {
  /** A port for each server. */
  readonly ports: number[]
  readonly #process: Program

  private constructor(ports: number[], process: Program) {
    this.ports = ports
    this.#process = process
  }

  static async to(targets: number[], folder: string): Promise<Gate> {
    const ports = await freePorts()
    const words = targets.map((target, index) => `${ports[index]}:${target}`)
    const gate = new Gate(ports, new Program(process.execPath, [SCRIPT, ...words], folder))
    gate.#process.start()
    for (const port of ports) await until(() => hasAgreed(`http://127.0.0.1:${port}`), 50)
    return gate
  }

  /** Passes nothing on. What is sent meanwhile arrives late, as when a network fails. */
  shut(): void {
    this.#process.signal('SIGSTOP')
  }

  open(): void {
    this.#process.signal('SIGCONT')
  }

  close(): Promise<void> {
    return this.#process.kill()
  }
}
