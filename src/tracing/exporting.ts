import { randomUUID } from 'node:crypto'
import { type ExportResult, ExportResultCode } from '@opentelemetry/core'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { ATTR_SERVICE_INSTANCE_ID, ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions'
import { type Clock, sleep } from '../kit/clock.ts'

export const NAME = 'formula-intake'
const INSTANCE = randomUUID()
/** How long closing waits for the last export, in milliseconds. */
const CLOSE_MS = 3_000

/** What traces and metrics say of the service; the operator's variables take precedence. */
export function ownResource() {
  const own = resourceFromAttributes({ [ATTR_SERVICE_NAME]: NAME, [ATTR_SERVICE_INSTANCE_ID]: INSTANCE })
  return defaultResource()
    .merge(own)
    .merge(detectResources({ detectors: [envDetector] }))
}

/** Exports what is left, within `CLOSE_MS`. Failures are logged by the exporter. */
export async function shutDown(clock: Clock, provider: { shutdown(): Promise<void> }): Promise<void> {
  const ended = new AbortController()
  await Promise.race([provider.shutdown().catch(() => {}), sleep(clock, CLOSE_MS, ended.signal)])
  ended.abort()
}

export interface ExportLog {
  warn(fields: object, message: string): void
  info(message: string): void
}

interface Exporter<T> {
  export(items: T, done: (result: ExportResult) => void): void
  forceFlush?(): Promise<void>
  shutdown(): Promise<void>
}

const MESSAGES = {
  Traces: { lost: 'Traces cannot be exported, and are lost meanwhile', again: 'Traces are exported again' },
  Metrics: { lost: 'Metrics cannot be exported, and are lost meanwhile', again: 'Metrics are exported again' },
}

/** Logs once when exports begin to fail and once when they succeed again, instead of for each batch. */
export class LoggingExporter<T> {
  readonly #exporter: Exporter<T>
  readonly #messages: (typeof MESSAGES)['Traces']
  readonly #log: ExportLog
  #failing = false

  constructor(exporter: Exporter<T>, what: keyof typeof MESSAGES, log: ExportLog) {
    this.#exporter = exporter
    this.#messages = MESSAGES[what]
    this.#log = log
  }

  export(items: T, done: (result: ExportResult) => void): void {
    this.#exporter.export(items, (result) => {
      this.#logChange(result)
      done(result)
    })
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.()
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown()
  }

  #logChange({ code, error }: ExportResult): void {
    const failed = code === ExportResultCode.FAILED
    if (failed === this.#failing) return
    this.#failing = failed
    if (failed) this.#log.warn({ err: error }, this.#messages.lost)
    else this.#log.info(this.#messages.again)
  }
}
