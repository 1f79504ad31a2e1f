import { type Attributes, ValueType } from '@opentelemetry/api'
import { hrTime } from '@opentelemetry/core'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import {
  AggregationTemporality,
  DataPointType,
  type Histogram,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import type { Clock } from '../kit/clock.ts'
import { type ExportLog, LoggingExporter, NAME, ownResource, shutDown } from './exporting.ts'

/** A metric as prom-client reads it. */
interface ReadMetric {
  name: string
  help: string
  type: unknown
  values: ReadValue[]
}

interface ReadValue {
  /** That of the metric; `_bucket`, `_sum` or `_count` behind it in a histogram. */
  metricName?: string
  labels: Partial<Record<string, string | number>>
  value: number
}

interface MetricExport {
  url: string
  intervalMs: number
  read(): Promise<ReadMetric[]>
}

/** Sends what `read` returns to a collector at each interval. @returns a function that sends it a last time and stops */
export function openMetrics(clock: Clock, log: ExportLog, { url, intervalMs, read }: MetricExport) {
  const resource = ownResource()
  const startTime = hrTime()
  const producer = {
    async collect() {
      const times = { startTime, endTime: hrTime() }
      const metrics = (await read()).map((metric) => toMetricData(metric, times))
      return { resourceMetrics: { resource, scopeMetrics: [{ scope: { name: NAME }, metrics }] }, errors: [] }
    },
  }
  const exporter = new LoggingExporter(new OTLPMetricExporter({ url }), 'Metrics', log)
  const options = { exporter, exportIntervalMillis: intervalMs, metricProducers: [producer] }
  const provider = new MeterProvider({ resource, readers: [new PeriodicExportingMetricReader(options)] })
  return (): Promise<void> => shutDown(clock, provider)
}

type Times = Pick<MetricData['dataPoints'][number], 'startTime' | 'endTime'>

function toMetricData({ name, help, type, values }: ReadMetric, times: Times): MetricData {
  const data = {
    descriptor: { name, description: help, unit: '', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  }
  if (type === 'histogram') {
    return { ...data, dataPointType: DataPointType.HISTOGRAM, dataPoints: histograms(values, times) }
  }
  const dataPoints = values.map(({ labels, value }) => ({ ...times, attributes: labels as Attributes, value }))
  if (type === 'counter') return { ...data, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
  return { ...data, dataPointType: DataPointType.GAUGE, dataPoints }
}

/** Prometheus has a value for each bucket of a series, the smaller ones included, and for its sum and count. */
function histograms(values: ReadValue[], times: Times) {
  const series = Map.groupBy(values, ({ labels: { le, ...attributes } }) =>
    JSON.stringify(Object.entries(attributes).sort()),
  )
  return [...series.values()].map((group) => {
    const { le, ...attributes } = (group[0] as ReadValue).labels
    const buckets = group.filter(({ metricName }) => metricName?.endsWith('_bucket'))
    const of = (suffix: string): number => group.find(({ metricName }) => metricName?.endsWith(suffix))?.value ?? 0
    const value: Histogram = {
      buckets: {
        boundaries: buckets.map(({ labels }) => Number(labels.le)).filter(Number.isFinite),
        counts: buckets.map(({ value }, index) => value - (buckets[index - 1]?.value ?? 0)),
      },
      sum: of('_sum'),
      count: of('_count'),
    }
    return { ...times, attributes: attributes as Attributes, value }
  })
}
