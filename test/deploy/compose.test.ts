import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { test } from 'tap'
import { parse } from 'yaml'
import { readConfig } from '../../src/config/config.ts'
import { readPage } from '../support/docs/pages.ts'

interface Service {
  build?: string
  image: string
  profiles?: string[]
  environment?: Record<string, string>
  depends_on?: Record<string, { condition: string }>
  ports?: string[]
  volumes?: string[]
  configs?: { source: string }[]
  read_only?: boolean
  cap_drop?: string[]
  security_opt?: string[]
  mem_limit?: string
  pids_limit?: number
  networks?: string[]
  cpus?: number
  stop_grace_period?: string
}

interface Composition {
  services: Record<string, Service>
  volumes: Record<string, null>
  configs: Record<string, object>
}

const { services, volumes, configs } = parse(readPage('compose.yaml'), { merge: true }) as Composition
const all = Object.entries(services)
const ours = all.filter(([, { build }]) => build !== undefined)

test('compose.yaml keeps to the Compose Specification', async (t) => {
  const text = readFileSync(join(import.meta.dirname, 'compose.schema.json'), 'utf8')
  const { $schema: _, ...schema } = JSON.parse(text)
  const ajv = new Ajv({ strict: false, allErrors: true })
  addFormats.default(ajv)
  const isValid = ajv.compile(schema)
  const compose = parse(readPage('compose.yaml'), { merge: true })
  isValid(compose)
  t.same(isValid.errors, null)
  compose.services.intake.mem_limits = '1g'
  t.notOk(isValid(compose), 'an unknown field is found')
})

test('compose.yaml starts one service on the embedded default, and others only by their profile', async (t) => {
  t.same(
    all.filter(([, { profiles }]) => profiles === undefined).map(([name]) => name),
    ['intake'],
  )
  t.ok(services.intake?.volumes?.includes('formulas:/data'), 'its data outlive the container')
})

for (const [name, service] of all) {
  test(`compose.yaml: ${name} has bounded memory, no capabilities but those named, and is reached from here alone`, async (t) => {
    t.match(service.mem_limit, /^\d+[mg]$/)
    t.ok(service.pids_limit)
    t.same(service.cap_drop, ['ALL'])
    t.same(service.security_opt, ['no-new-privileges:true'])
    t.notOk(service.ports?.some((port) => !port.startsWith('127.0.0.1:')))
  })

  test(`compose.yaml: what ${name} refers to is there`, async (t) => {
    for (const other of Object.keys(service.depends_on ?? {})) {
      t.same(services[other]?.profiles, service.profiles, `${other} is started along with it`)
    }
    const named = (service.volumes ?? []).map((volume) => volume.split(':')[0] as string)
    t.same(
      named.filter((volume) => !(volume in volumes)),
      [],
    )
    t.notOk(service.configs?.some(({ source }) => !(source in configs)))
  })
}

for (const [name, service] of ours) {
  test(`compose.yaml: ${name} is given values it starts with, a read-only root, and time to stop`, async (t) => {
    const image = { HOST: '0.0.0.0', DATABASE_URL: 'sqlite:/data/formulas.db' }
    t.doesNotThrow(() => readConfig({ ...image, ...service.environment }))
    t.equal(service.read_only, true)
    t.equal(service.stop_grace_period, '50s')
    t.ok(service.cpus)
  })
}

test('compose.yaml has no password that everybody knows', async (t) => {
  for (const [name, value] of all.flatMap(([, { environment = {} }]) => Object.entries(environment))) {
    if (name.includes('PASSWORD')) t.match(value, /^\$\{[A-Z_]+-\}$/, name)
    else t.notMatch(value, /:\/\/[^/]*:[^/]*@/, name)
  }
})

test('compose.yaml: the database is reached by the instances alone', async (t) => {
  const reaching = all.filter(([, service]) => service.networks?.includes('database')).map(([name]) => name)
  t.same(reaching, ['intake-1', 'intake-2', 'postgres'])
  t.same(services.postgres?.networks, ['database'])
})
