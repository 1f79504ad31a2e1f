import { type Test, test } from 'tap'
import { parse as parseYaml } from 'yaml'
import { scrapeExercisedApp } from '../support/docs/exercised-app.ts'
import { readPage, table } from '../support/docs/pages.ts'
import { read } from '../support/docs/promql.ts'
import type { Scraped } from '../support/http/scrape.ts'

interface Panel {
  id: number
  type: string
  title: string
  description?: string
  gridPos: { x: number; y: number; w: number; h: number }
  fieldConfig?: { defaults: { unit: string } }
  datasource?: { uid: string }
  targets?: { expr: string; datasource: { uid: string } }[]
}

interface Dashboard {
  schemaVersion: number
  templating: { list: { name: string; type: string; query: string | { query: string } }[] }
  panels: Panel[]
}

interface Rule {
  alert: string
  expr: string
  labels: { severity: string }
  annotations: Record<string, string>
}

const dashboard: Dashboard = JSON.parse(readPage('docs/grafana.json'))
const { groups }: { groups: { rules: Rule[] }[] } = parseYaml(readPage('docs/alerts.yml'))
const rules = groups.flatMap((group) => group.rules)

/** What Prometheus adds to what it scrapes. */
const TARGET_LABELS = ['job', 'instance']
const MADE_BY_PROMETHEUS = ['up']
/** Of these an app that works has only some values. */
const OPEN_LABELS = [...TARGET_LABELS, 'status']

/** What Grafana puts in before it asks Prometheus. */
const filledIn = (query: string): string =>
  query.replaceAll('$__rate_interval', '5m').replaceAll('$job', 'intake').replaceAll('$instance', 'a')

/** What a query asks for that no app has; its syntax is checked as well. */
function unknownTo({ names, series }: Scraped, query: string): string[] {
  const { metrics, labels } = read(query)
  const all = metrics.flatMap((metric) => series(metric))
  const unknownMetrics = metrics.filter((name) => !names().includes(name) && !MADE_BY_PROMETHEUS.includes(name))
  const unknownLabels = labels.flatMap(({ name, values }) => {
    if (TARGET_LABELS.includes(name)) return []
    const known = new Set(all.map((one) => one.labels[name]))
    if (known.size === 0 || known.has(undefined)) return [name]
    return OPEN_LABELS.includes(name)
      ? []
      : values.filter((value) => !known.has(value)).map((value) => `${name}=${value}`)
  })
  return [...unknownMetrics, ...unknownLabels]
}

test('queries are read with the grammar of Prometheus', async (t) => {
  t.same(read('sum by (le) (rate(a_bucket{x="1", y!="2", z=~"3|4"}[5m])) / b'), {
    metrics: ['a_bucket', 'b'],
    labels: [
      { name: 'le', values: [] },
      { name: 'x', values: ['1'] },
      { name: 'y', values: [] },
      { name: 'z', values: ['3', '4'] },
    ],
    functions: ['rate'],
  })
  for (const wrong of ['sum(rate(a[5m])', 'a{x=1}', 'rate a', 'nofunction(a)', '']) t.throws(() => read(wrong), wrong)
})

test('a query for what does not exist is noticed', async (t) => {
  const scraped = await scrapeExercisedApp(t)
  t.same(unknownTo(scraped, 'rate(intake_submissions_total{outcome="added", job="x"}[5m])'), [])
  t.same(unknownTo(scraped, 'intake_submission_total'), ['intake_submission_total'])
  t.same(unknownTo(scraped, 'sum by (kind) (intake_submissions_total{outcome=~"added|lost"})'), [
    'kind',
    'outcome=lost',
  ])
  t.same(unknownTo(scraped, 'http_request_duration_seconds_bucket{route="/formula"}'), ['route=/formula'])
})

test('docs/metrics.md lists every metric with its type and labels, and no other', async (t) => {
  const scraped = await scrapeExercisedApp(t)
  const page = readPage('docs/metrics.md')
  const rows = page
    .split('\n')
    .map((line) => /^\| `(\w+)`\s+\| (counter|gauge|histogram)\s+\| (.*?)\s*\| (.+?)\s*\|$/.exec(line))
    .filter((row) => row !== null)
  const listed = new Map(rows.map(([, name = '', type = '', labels = '']) => [name, { type, labels }]))
  t.same([...listed.keys()].sort(), [...scraped.types.keys()].sort())
  for (const [name, { type, labels }] of listed) {
    t.equal(type, scraped.types.get(name), name)
    const all = scraped.series(type === 'histogram' ? `${name}_sum` : name)
    const seen = new Set(all.flatMap((series) => Object.keys(series.labels)))
    const documented = [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label as string)
    if (all.length > 0) t.same([...seen].sort(), documented.sort(), name)
  }
})

test('docs/metrics.md lists every outcome of a submission', async (t) => {
  const scraped = await scrapeExercisedApp(t)
  const outcomes = scraped.series('intake_submissions_total').map(({ labels }) => labels.outcome)
  t.same(
    table('docs/metrics.md', ['Outcome', 'Meaning']).map(([outcome]) => outcome),
    outcomes,
  )
})

test('every query of the dashboard asks for metrics and labels that exist', async (t) => {
  const scraped = await scrapeExercisedApp(t)
  const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  t.ok(queries.length > 20)
  for (const query of queries) t.same(unknownTo(scraped, filledIn(query)), [], query)
  for (const { name, query } of dashboard.templating.list.slice(1)) {
    const text = typeof query === 'string' ? query : query.query
    const [, asked = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(text) ?? []
    t.same(unknownTo(scraped, filledIn(asked)), [], name)
    t.ok(TARGET_LABELS.includes(label), label)
  }
})

test('every metric of the service is on the dashboard', async (t) => {
  const scraped = await scrapeExercisedApp(t)
  const asked = new Set(
    dashboard.panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => read(filledIn(expr)).metrics)),
  )
  for (const [name, type] of scraped.types) {
    if (!/^(?:http|intake)_/.test(name)) continue
    const names = type === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name]
    t.ok(
      names.some((each) => asked.has(each)),
      name,
    )
  }
})

test('the dashboard can be imported: ids differ, panels do not overlap, each has a unit and says what it shows', async (t) => {
  checkLayout(t, dashboard.panels)
  t.ok(dashboard.schemaVersion >= 36)
  t.match(dashboard.templating.list[0], { name: 'datasource', type: 'datasource', query: 'prometheus' })
  for (const { title, type, description, fieldConfig, datasource, targets = [] } of dashboard.panels) {
    if (type === 'row') continue
    t.ok(description, title)
    t.ok(fieldConfig?.defaults.unit, title)
    for (const { uid } of [datasource, ...targets.map((target) => target.datasource)].filter(
      (one) => one !== undefined,
    ))
      t.equal(uid, '$' + '{datasource}', title)
  }
})

function checkLayout(t: Test, panels: Panel[]): void {
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const taken = new Map<string, string>()
  for (const { title, gridPos } of panels) {
    t.ok(gridPos.x + gridPos.w <= 24, title)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        const other = taken.get(`${x},${y}`)
        if (other !== undefined) t.fail(`${title} lies on ${other}`)
        taken.set(`${x},${y}`, title)
      }
    }
  }
}

test('every alert rule asks for metrics and labels that exist, and says why and what to do', async (t) => {
  const scraped = await scrapeExercisedApp(t)
  t.ok(rules.length > 10)
  t.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length)
  for (const { alert, expr, labels, annotations } of rules) {
    t.same(unknownTo(scraped, expr), [], `${alert}: ${expr}`)
    t.match(labels.severity, /^(?:critical|warning)$/, alert)
    t.same(Object.keys(annotations), ['summary', 'reason', 'action'], alert)
    for (const text of Object.values(annotations)) t.ok(text.length > 10, alert)
  }
})

test('every route and every page that an alert names exists', async (t) => {
  const text = readPage('docs/alerts.yml')
  const routes = table('docs/http.md', ['Route', 'What it does']).map(([route]) => route)
  for (const [, route] of text.matchAll(/((?:GET|POST|DELETE) \/[\w/:]+)/g)) t.ok(routes.includes(route), `${route}`)
  for (const [, page = ''] of text.matchAll(/(docs\/[\w-]+\.md)/g)) t.ok(readPage(page), page)
})
