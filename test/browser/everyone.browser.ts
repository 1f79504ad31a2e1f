import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { AxeResults } from 'axe-core'
import type { BrowserContextOptions, Page } from 'playwright-core'
import tap, { type Test, test } from 'tap'
import { endBrowser, visit } from '../support/browser/browser.ts'
import { type Listening, listen } from '../support/browser/services.ts'
import { newKey } from '../support/new-key.ts'

tap.teardown(endBrowser)

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** The longest name of a subscription. */
const LONG = `s${'x'.repeat(63)}`

/** A service with something to see in every view, and where each is. */
async function furnish(t: Test): Promise<Listening & { views: [hash: string, heading: string][] }> {
  const service = await listen(t)
  const [id = ''] = await service.store('Rose Garden', `A name without any blank: ${'x'.repeat(150)}`, 'Sel de Mer')
  await service.kill(2)
  await service.app.queue.subscribe(LONG, 'start')
  await service.kill(1, LONG, `A reason without any blank: ${'x'.repeat(450)}`)
  const views: [string, string][] = [
    ['overview', 'Overview'],
    ['formulas', 'Formulas'],
    [`formulas/${id}`, 'Rose Garden'],
    [`formulas/${id}?derive`, 'Rose Garden'],
    ['formulas?material=Linalool', 'Formulas'],
    [`formulas/${'0'.repeat(64)}`, 'No formula'],
    ['submit', 'Submit a formula'],
    ['subscriptions', 'Subscriptions'],
    [`subscriptions/${LONG}`, LONG],
    [`subscriptions/${LONG}?state=leased`, LONG],
    [`subscriptions/none-${'x'.repeat(59)}`, 'No subscription'],
    ['dead-letters', 'Dead letters'],
    [`dead-letters?subscription=${LONG}`, 'Dead letters'],
    ['cleanups', 'Cleanups'],
  ]
  return { ...service, views }
}

/** Goes to a view as an operator does, and waits until it is filled. */
async function open(page: Page, url: string, [hash, heading]: [string, string]): Promise<void> {
  await page.goto(`${url}/#/${hash}`)
  await page.getByRole('heading', { name: heading, level: 1 }).waitFor()
  await page.getByText('Loading…').waitFor({ state: 'detached' })
}

/** What axe finds wrong on the page, as `rule: where`. */
async function flaws(page: Page): Promise<string[]> {
  const { violations } = (await page.evaluate('axe.run()')) as AxeResults
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`))
}

test('no view breaks the policy of the page or any script', async (t) => {
  const { url, views } = await furnish(t)
  const { page, problems } = await visit(t, url)
  for (const view of views) await open(page, url, view)
  t.same(problems, [])
})

test('the fonts are those that ship with the page, whatever the system has', async (t) => {
  const { url, store } = await listen(t)
  await store('Ρόδον, Жасмин, Fougère')
  const { page, problems } = await visit(t, `${url}/#/formulas`)
  await page.getByRole('link', { name: 'Ρόδον' }).waitFor()
  const loaded = (await page.evaluate(
    "document.fonts.ready.then((fonts) => [...fonts].filter(({ status }) => status === 'loaded').map(({ family }) => family))",
  )) as string[]
  t.equal(loaded.filter((family) => family.includes('Inter')).length, 1, 'Latin alone')
  t.equal(
    loaded.filter((family) => family.includes('Source Serif')).length,
    3,
    'a heading in Latin, a name in three scripts',
  )
  t.same(problems, [])
})

test('an unknown address shows that nothing is here, whatever its text, and breaks no script', async (t) => {
  const { url } = await listen(t)
  const { page, problems } = await visit(t, url)
  const hashes = ['no-such-view', '__proto__', 'constructor', 'toString', '%E0%A4%A', '<b>x</b>', '\u{1f339}']
  const ids = ['%E0%A4%A', '..', '%2e%2e', '__proto__', `${'0'.repeat(64)}x`, '%2F%2Fexample.org']
  for (const hash of [...hashes, ...ids.map((id) => `formulas/${id}`)]) {
    await page.goto(`${url}/#/overview`)
    await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor()
    await page.goto(`${url}/#/${hash}`)
    await page.getByRole('heading', { name: 'Nothing is here', level: 1 }).waitFor()
  }
  await page.getByRole('link', { name: 'To the overview' }).click()
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor()
  t.same(problems, [])
})

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing wrong with any view in ${colorScheme} colours`, async (t) => {
    const { url, views } = await furnish(t)
    // The page's own policy would keep axe out.
    const options: BrowserContextOptions = { colorScheme, bypassCSP: true }
    const { page } = await visit(t, url, options)
    await page.addScriptTag({ path: AXE })
    for (const view of views) {
      await open(page, url, view)
      t.same(await flaws(page), [], view[0])
    }
    await open(page, url, ['submit', 'Submit a formula'])
    await page.getByRole('button', { name: 'Submit the formula' }).click()
    await page.locator('.error').first().waitFor()
    t.same(await flaws(page), [], 'a form with errors')
    await open(page, url, ['subscriptions', 'Subscriptions'])
    await page.getByRole('button', { name: 'Create' }).click()
    await page.locator('.error').first().waitFor()
    t.same(await flaws(page), [], 'a subscription without a name')
    await open(page, url, ['dead-letters', 'Dead letters'])
    await page.getByRole('button', { name: 'Redrive all' }).click()
    await page.getByRole('dialog').waitFor()
    t.same(await flaws(page), [], 'a question')
    const keys = join(t.testdir(), 'keys.json')
    newKey(keys, 'ops', 'admin')
    const guarded = await listen(t, { DATABASE_URL: 'memory:', API_KEYS_FILE: keys })
    await page.goto(guarded.url)
    await page.addScriptTag({ path: AXE })
    await page.getByRole('heading', { name: 'API key' }).waitFor()
    t.same(await flaws(page), [], 'the form for a key')
  })
}

test('on a phone nothing is wider than the screen', async (t) => {
  const { url, views } = await furnish(t)
  const { page } = await visit(t, url, { viewport: { width: 360, height: 740 } })
  for (const view of views) {
    await open(page, url, view)
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), 360, view[0])
  }
  await open(page, url, ['submit', 'Submit a formula'])
  await page.getByRole('button', { name: 'Submit the formula' }).click()
  await page.locator('.error').first().waitFor()
  t.equal(await page.evaluate('document.documentElement.scrollWidth'), 360, 'a form with errors')
  await open(page, url, [`subscriptions/${LONG}`, LONG])
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByRole('status').getByText('is paused.').waitFor()
  t.equal(await page.evaluate('document.documentElement.scrollWidth'), 360, 'a notice')
  await page.getByRole('button', { name: 'Delete' }).click()
  const box = await page.getByRole('dialog').boundingBox()
  t.ok((box?.width ?? 360) < 360, 'a question')
})

test('nothing is wider than the screen with 500 materials, names of 200 characters and 24 digits', async (t) => {
  const { url, take } = await listen(t)
  const concentration = '999999999999.999999999999'
  const most = Array.from({ length: 500 }, (_, index) => ({ name: `Material ${index}`, concentration }))
  const long = [{ name: 'W'.repeat(200), concentration }]
  const [many = '', one = ''] = await take([
    { name: 'Many', materials: most },
    { name: 'W'.repeat(200), materials: long },
  ])
  for (const width of [360, 1280]) {
    const { page } = await visit(t, url, { viewport: { width, height: 740 } })
    for (const id of [many, one]) {
      await open(page, url, [`formulas/${id}`, id === many ? 'Many' : 'WWW'])
      t.equal(await page.evaluate('document.documentElement.scrollWidth'), width)
      const decimal = page.locator('.decimal').first()
      const height = await decimal.evaluate((place) => place.getBoundingClientRect().height)
      t.ok(height < 30, `24 digits stand in one line, at a width of ${width}`)
    }
  }
})

test('each view has its title, and its heading gets the focus when one goes there', async (t) => {
  const { url } = await listen(t)
  const { page } = await visit(t, url)
  for (const [link, heading] of [
    ['Formulas', 'Formulas'],
    ['Submit', 'Submit a formula'],
    ['Subscriptions', 'Subscriptions'],
    ['Dead letters', 'Dead letters'],
    ['Cleanups', 'Cleanups'],
    ['Overview', 'Overview'],
  ] as const) {
    const to = page.getByRole('navigation').getByRole('link', { name: link })
    await to.click()
    await page.getByRole('heading', { name: heading, level: 1 }).and(page.locator(':focus')).waitFor()
    t.equal(await page.title(), `${heading} · Formula intake`)
    t.equal(await to.getAttribute('aria-current'), 'page')
  }
})

test('the first Tab leads past the navigation to the content', async (t) => {
  const { url } = await listen(t)
  const { page } = await visit(t, url)
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  await page.keyboard.press('Tab')
  t.equal(await page.evaluate('document.activeElement.textContent'), 'To the content')
  await page.keyboard.press('Enter')
  t.equal(await page.evaluate('document.activeElement.id'), 'content')
  t.equal(new URL(page.url()).hash, '', 'and it is still the same view')
})

test('colours follow the system until the operator chooses, and then stay chosen', async (t) => {
  const { url } = await listen(t)
  const { page } = await visit(t, url, { colorScheme: 'dark' })
  const paper = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
  const choose = (from: string) => page.getByRole('button', { name: `Colours: ${from}` }).click()
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  const dark = await paper()
  await choose('auto')
  const light = await paper()
  t.not(light, dark)
  await page.reload()
  await page.getByRole('button', { name: 'Colours: light' }).waitFor()
  t.equal(await paper(), light)
  await choose('light')
  t.equal(await paper(), dark)
})
