import { type ExportResult, ExportResultCode } from '@opentelemetry/core'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node'

export interface ExportLog {
  warn(fields: object, message: string): void
  info(message: string): void
}

/** Logs once when exports begin to fail and once when they succeed again, instead of for each batch. */
export class LoggingExporter implements SpanExporter {
  readonly #exporter: SpanExporter
  readonly #log: ExportLog
  #failing = false

  constructor(exporter: SpanExporter, log: ExportLog) {
    this.#exporter = exporter
    this.#log = log
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans, (result) => {
      this.#logChange(result)
      done(result)
    })
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown()
  }

  #logChange({ code, error }: ExportResult): void {
    const failed = code === ExportResultCode.FAILED
    if (failed === this.#failing) return
    this.#failing = failed
    if (failed) this.#log.warn({ err: error }, 'Traces cannot be exported, and are lost meanwhile')
    else this.#log.info('Traces are exported again')
  }
}
