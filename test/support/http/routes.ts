import type { RouteOptions } from 'fastify'
import type { Test } from 'tap'
import { buildApp } from '../../../src/app.ts'
import { readConfig } from '../../../src/config/config.ts'

/** Every registered route. Fastify reuses one object for several URLs, so each copy keeps its own `url`. */
export async function everyRoute(t: Test): Promise<RouteOptions[]> {
  const app = buildApp(readConfig({ DATABASE_URL: 'memory:' }))
  const routes: { route: RouteOptions; url: string }[] = []
  app.addHook('onRoute', (route) => void routes.push({ route, url: route.url }))
  t.teardown(() => app.close())
  await app.ready()
  return routes.map(({ route, url }) => ({ ...route, url }))
}
