import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Validator } from '@seriousme/openapi-schema-validator'
import type { RouteOptions } from 'fastify'
import { type Test, test } from 'tap'
import packageJson from '../../package.json' with { type: 'json' }
import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { startGuarded } from '../support/http/keys.ts'
import { everyRoute } from '../support/http/routes.ts'
import { startService } from '../support/http/service.ts'
import { readDocument } from '../support/openapi/document.ts'

/** Pages for people: they and their assets are not part of the API. */
const PAGES = ['/docs', '/', '/console']

/** The routes that the document must describe; HEAD is implied by GET. */
async function routesOf(t: Test): Promise<RouteOptions[]> {
  return (await everyRoute(t)).filter(({ method, schema }) => method !== 'HEAD' && schema?.hide !== true)
}

const documentOf = async (t: Test) => readDocument((await startService(t)).app)

const pathOf = ({ method, url }: RouteOptions): string => `${method} ${url.replace(/:(\w+)/g, '{$1}')}`

test('the document is valid OpenAPI 3.1', async (t) => {
  const { text } = await documentOf(t)
  const { valid, errors } = await new Validator().validate(text)
  t.ok(valid, JSON.stringify(errors))
  t.equal(text.openapi, '3.1.0')
  t.match(text.info, { version: packageJson.version, license: { identifier: 'MIT' } })
})

test('every route is in the document, and nothing else', async (t) => {
  const { operations } = await documentOf(t)
  const documented = operations.map(({ method, path }) => `${method} ${path}`)
  t.same(documented.sort(), (await routesOf(t)).map(pathOf).sort())
})

test('only pages and what they load are left out of the document', async (t) => {
  const hidden = (await everyRoute(t)).filter(({ schema }) => schema?.hide === true)
  t.ok(hidden.length > 0)
  for (const { url } of hidden)
    t.ok(
      PAGES.some((page) => url === page || url.startsWith(`${page}/`)),
      url,
    )
})

test('a route that is not described is told by its name', async (t) => {
  const app = buildApp(readConfig({ DATABASE_URL: 'memory:' }))
  t.teardown(() => app.close())
  app.register(async (instance) => void instance.get('/forgotten', async () => ''))
  await app.ready()
  t.throws(() => app.swagger(), /GET \/forgotten is not described/)
})

test('every operation has an id of its own, a tag that is explained, a summary and a description', async (t) => {
  const { operations, text } = await documentOf(t)
  const tags = (text.tags as { name: string }[]).map(({ name }) => name)
  t.equal(new Set(operations.map(({ id }) => id)).size, operations.length)
  t.same(new Set(operations.flatMap((operation) => operation.tags)), new Set(tags))
  for (const operation of operations) t.match(operation, { summary: /./, description: /./ }, operation.id)
})

test('each operation has the security that its route declares, where one of its scopes will do, with the other that it needs, or admin', async (t) => {
  const { operations } = await documentOf(t)
  for (const route of await routesOf(t)) {
    const { security } = operations.find(({ method, path }) => `${method} ${path}` === pathOf(route)) ?? {}
    const { scope = [], alsoScope = [], public: isPublic } = route.config ?? {}
    const expected = isPublic
      ? []
      : [...new Set([scope, 'admin'].flat())].map((each) => ({
          apiKey: each === 'admin' ? [each] : [each, alsoScope].flat(),
        }))
    t.same(security, expected, pathOf(route))
  }
})

test('what stands in a component is used, and every reference leads to one', async (t) => {
  const document = await documentOf(t)
  const references = new Set(JSON.stringify(document.text).match(/#\/components\/[^"]+/g))
  for (const reference of references) t.ok(document.at(reference), reference)
  const { schemas, headers, examples, parameters } = document.text.components as Record<string, object>
  for (const [kind, components] of Object.entries({ schemas, headers, examples, parameters })) {
    for (const name of Object.keys(components ?? {})) t.ok(references.has(`#/components/${kind}/${name}`), name)
  }
})

test('the document is the same with keys and a limit, and is for whoever has the scope', async (t) => {
  const { secrets, app } = await startGuarded(t, { RATE_LIMIT_PER_MINUTE: '5', BODY_LIMIT_BYTES: '2048' })
  const shown = await readDocument(app, { authorization: `Bearer ${secrets.admin}` })
  t.same(shown.text, (await documentOf(t)).text)
})

test('the document is not kept by caches that others share', async (t) => {
  const { get } = await startService(t)
  const { headers } = await get('/openapi.json')
  t.match(headers, { 'cache-control': 'private, no-cache', 'content-type': 'application/json; charset=utf-8' })
})

test('docs/openapi.json is the document of this version; `npm run openapi` writes it', async (t) => {
  const kept = readFileSync(join(import.meta.dirname, '../../docs/openapi.json'), 'utf8')
  t.same(JSON.parse(kept), (await documentOf(t)).text)
})
