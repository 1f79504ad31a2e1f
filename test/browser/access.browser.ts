import { join } from 'node:path'
import type { Page } from 'playwright-core'
import tap, { type Test, test } from 'tap'
import type { Scope } from '../../src/access/api-key.ts'
import { runKeysCommand } from '../../src/access/keys-command.ts'
import { endBrowser, paintLate, stopClock, visit } from '../support/browser/browser.ts'
import { listen } from '../support/browser/services.ts'
import { newKey } from '../support/new-key.ts'

tap.teardown(endBrowser)

/** A service that asks for keys, and one key of each of these scopes. */
async function startGuarded<S extends Scope>(t: Test, ...scopes: S[]) {
  const path = join(t.testdir(), 'keys.json')
  const keys = scopes.map((scope) => newKey(path, scope, scope))
  const { url } = await listen(t, { DATABASE_URL: 'memory:', API_KEYS_FILE: path })
  const revoke = (name: S) => runKeysCommand(['revoke', '--name', name], path, new Date())
  return { url, keys, revoke }
}

async function show(page: Page, key: string): Promise<void> {
  await page.getByLabel('Key', { exact: true }).fill(key)
  await page.getByRole('button', { name: 'Open the console' }).click()
}

test('where keys are in use the page asks for one, keeps it in the tab, and forgets it when told', async (t) => {
  const { url, keys } = await startGuarded(t, 'admin')
  const { page, problems } = await visit(t, `${url}/#/formulas`)
  await page.getByRole('heading', { name: 'API key' }).waitFor()
  for (const wrong of ['ffi_wrong', 'schlüssel', '']) {
    await show(page, wrong)
    await page.getByText('The service does not know this key. It may have been revoked.').waitFor()
    t.equal(await page.getByLabel('Key', { exact: true }).getAttribute('aria-invalid'), 'true')
  }
  await show(page, keys[0] ?? '')
  await page.getByRole('heading', { name: 'Nothing stored yet' }).waitFor()
  await page.reload()
  await page.getByRole('heading', { name: 'Nothing stored yet' }).waitFor()
  t.same(await page.evaluate('[localStorage.length, document.cookie]'), [0, ''], 'nowhere but in the tab')
  const other = await page.context().newPage()
  await other.goto(url)
  await other.getByRole('heading', { name: 'API key' }).waitFor()
  await page.getByRole('button', { name: 'Forget the key' }).click()
  await page.getByRole('heading', { name: 'API key' }).waitFor()
  t.equal(await page.evaluate('sessionStorage.length'), 0, 'neither the key nor figures that it allowed to see')
  t.same(problems, [])
})

test('a key that lacks the scope of a view is told which it needs, and keeps what it may see', async (t) => {
  const { url, keys } = await startGuarded(t, 'read', 'submit')
  const { page } = await visit(t, url)
  const asked: string[] = []
  page.on('request', (request) => {
    if (request.headers().authorization !== undefined) asked.push(new URL(request.url()).pathname)
  })
  await show(page, keys[0] ?? '')
  await page.getByText('Submissions and latency are not shown: The API key needs the scope admin.').waitFor()
  await page.locator('.tile').filter({ hasText: 'Ready' }).getByText('0', { exact: true }).waitFor()
  await page.getByRole('link', { name: 'Dead letters needs admin' }).waitFor()
  for (let looks = 0; looks < 2; looks++) await page.waitForResponse('**/subscriptions')
  t.equal(asked.filter((path) => path === '/metrics').length, 1, 'a refusal is not asked for again and again')
  await page.goto(`${url}/#/dead-letters`)
  await page.getByRole('alert').getByText('The API key needs the scope admin.').waitFor()
  await page.goto(`${url}/#/cleanups`)
  await page.getByRole('alert').getByText('The API key needs the scope admin.').waitFor()
  await page.goto(`${url}/#/submit`)
  await page.getByRole('button', { name: 'Submit the formula' }).click()
  await page.getByRole('alert').getByText('The API key needs the scope submit.').waitFor()
  await page.getByRole('button', { name: 'Forget the key' }).click()
  await show(page, keys[1] ?? '')
  await page.goto(`${url}/#/formulas`)
  await page.getByRole('alert').getByText('The API key needs the scope read.').waitFor()
  t.pass()
})

test('a draft outlasts a key that is revoked, and is gone once the key is forgotten', async (t) => {
  const { url, keys, revoke } = await startGuarded(t, 'admin', 'submit')
  const { page } = await visit(t, `${url}/#/submit`)
  await show(page, keys[0] ?? '')
  const name = page.getByLabel('Name of the formula')
  await name.fill('Half done')
  revoke('admin')
  await page.getByRole('heading', { name: 'API key' }).waitFor()
  await show(page, keys[1] ?? '')
  await name.waitFor()
  t.equal(await name.inputValue(), 'Half done')
  await page.getByRole('button', { name: 'Forget the key' }).click()
  await show(page, keys[1] ?? '')
  await name.waitFor()
  t.equal(await name.inputValue(), '')
})

test('a key that is typed as soon as the form is there is not lost', async (t) => {
  const { url, keys } = await startGuarded(t, 'admin')
  const { page } = await visit(t, 'about:blank')
  await paintLate(page)
  await page.goto(url)
  await page.getByLabel('Key', { exact: true }).waitFor()
  await page.keyboard.type(keys[0] ?? '')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  t.pass()
})

test('without keys nobody is asked for one', async (t) => {
  const { url } = await listen(t)
  const { page } = await visit(t, url)
  await page.getByText('Database').waitFor()
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  t.equal(await page.getByRole('button', { name: 'Forget the key' }).count(), 0)
})

test('where requests are limited the page waits once it has been told so', async (t) => {
  const { url } = await listen(t, { RATE_LIMIT_PER_MINUTE: '2' })
  const { page } = await visit(t, 'about:blank')
  await stopClock(page)
  await page.goto(url)
  await page.clock.runFor(1_000)
  await page.locator('.tile').filter({ hasText: 'Ready' }).getByText('0', { exact: true }).waitFor()
  await page.clock.runFor(2_000)
  await page.getByText('The queue is not shown: Too many requests; send the request again later.').waitFor()
  let asked = 0
  page.on('request', () => asked++)
  await page.clock.runFor(19_000)
  t.equal(asked, 0)
  const asking = page.waitForRequest('**/subscriptions')
  await page.clock.runFor(1_000)
  await asking
  t.ok(asked > 0)
})
