import type { Judged } from './record.ts'

type Format = (value: number) => string

const asRatio: Format = (value) => value.toFixed(2)
export const whole: Format = (value) => Math.round(value).toLocaleString('en-US')
export const inMs: Format = (value) => `${value.toFixed(1)} ms`
export const inMegabytes: Format = (value) => `${Math.round(value / 1e6)} MB`

export function atLeast(goal: string, value: number, least: number, format: Format = asRatio): Judged {
  return { goal, figure: format(value), holds: value >= least }
}

export function below(goal: string, value: number, limit: number, format: Format = asRatio): Judged {
  return { goal, figure: format(value), holds: value < limit }
}
