import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import tap, { type Test, test } from 'tap'
import { endBrowser, visit } from '../support/browser/browser.ts'
import { listen } from '../support/browser/services.ts'

tap.teardown(endBrowser)

/** A proxy that gives a service under a path. @returns where it is found there */
async function putUnder(t: Test, path: string, url: string): Promise<string> {
  const proxy = createServer((asked, reply) => {
    if (!asked.url?.startsWith(path)) return void reply.writeHead(404).end()
    const { method, headers } = asked
    const passed = request(`${url}/${asked.url.slice(path.length)}`, { method, headers } as object, (answer) => {
      reply.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(reply)
    })
    asked.pipe(passed)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => {
    proxy.close()
    proxy.closeAllConnections()
  })
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${path}`
}

test('behind a proxy the console works under any path that ends with a slash', async (t) => {
  const { url, store } = await listen(t)
  await store('Rose Garden')
  const { page, problems } = await visit(t, await putUnder(t, '/intake/console/', url))
  await page.locator('.tile').filter({ hasText: 'Ready' }).getByText('1', { exact: true }).waitFor()
  await page.getByRole('link', { name: 'Formulas' }).click()
  await page.getByRole('link', { name: 'Rose Garden' }).click()
  await page.getByRole('heading', { name: 'Rose Garden' }).waitFor()
  t.same(problems, [])
})

for (const end of ['', '/']) {
  test(`behind a proxy /docs${end} shows the document, and its requests go to the service`, async (t) => {
    const { url } = await listen(t)
    const { page, problems } = await visit(t, `${await putUnder(t, '/intake/', url)}docs${end}`)
    const operation = page.locator('#operations-Health-getLiveness')
    await operation.getByText('Liveness', { exact: true }).click()
    await operation.getByRole('button', { name: 'Try it out' }).click()
    await operation.getByRole('button', { name: 'Execute' }).click()
    await operation.locator('.request-url').getByText('/intake/health/live').waitFor()
    await operation.locator('.live-responses-table .response-col_status').getByText('200').waitFor()
    t.same(problems, [])
  })
}
