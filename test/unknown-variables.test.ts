import { test } from 'tap'
import { variables } from '../src/config/config.ts'
import { unknownVariables } from '../src/config/unknown-variables.ts'

test('variables that are spelt nearly like ours, or begin like ours, are found; others are left alone', async (t) => {
  const known = Object.keys(variables)
  const find = (...names: string[]) => unknownVariables(Object.fromEntries(names.map((name) => [name, 'x'])), known)
  t.same(find(...known), [])
  const typos: [given: string, meant: string | null][] = [
    ['API_KEY_FILE', 'API_KEYS_FILE'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['allow_anonymous', 'ALLOW_ANONYMOUS'],
    ['port', 'PORT'],
    ['ALLOWED_HOST', 'ALLOWED_HOSTS'],
    ['SUBMIT_DEADLINE_SECONDS', null],
    ['WEBHOOK_TIMEOUT_MS', null],
  ]
  for (const [name, meant] of typos) t.same(find(name), [{ name, meant }])
  const others = ['PATH', 'HOME', 'HOSTNAME', 'PORTS', 'USER', 'SHELL', 'LOGNAME', 'PGHOST', 'AWS_REGION', 'NODE_ENV']
  t.same(find(...others, 'OTEL_SERVICE_NAME', 'OTEL_EXPORTER_OTLP_HEADERS', 'API_KEY', 'X'.repeat(10_000)), [])
})
