import { setTimeout } from 'node:timers/promises'
import type { Locator, Page } from 'playwright-core'
import tap, { type Test, test } from 'tap'
import { StoreUnavailable } from '../../src/errors/store-errors.ts'
import { endBrowser, stopClock, visit } from '../support/browser/browser.ts'
import { listen, rose } from '../support/browser/services.ts'
import { call, post, spawnService } from '../support/service-process.ts'

tap.teardown(endBrowser)

/** The figure that a tile shows. */
const tile = (page: Page, name: string) => page.locator('.tile').filter({ hasText: name }).getByRole('definition')

/** The figure that the legend of a chart shows for one of its lines. */
const legend = (page: Page, chart: string, line: string) =>
  page.getByRole('figure', { name: chart }).locator('.legend > div').filter({ hasText: line }).getByRole('definition')

/** Waits until a place shows what is expected there. */
const shows = (place: Locator, expected: RegExp): Promise<void> => place.filter({ hasText: expected }).waitFor()

/** Submits until the test ends: new formulas, replays, duplicates and invalid formulas. */
function keepSubmitting(t: Test, url: string): void {
  let isOver = false
  const submitting = (async () => {
    for (let number = 1; !isOver; number++) {
      const materials = rose(9000 + number)
      await post(url, `new-${number}`, { name: 'New', materials })
      await post(url, `new-${number}`, { name: 'New', materials })
      await post(url, `known-${number}`, { name: 'Known', materials })
      await post(url, `wrong-${number}`, {})
      await setTimeout(50)
    }
  })()
  t.teardown(() => {
    isOver = true
    return submitting
  })
}

test('the overview follows submissions, their latency and the queue as they happen', async (t) => {
  const { url, store, kill } = await listen(t)
  await store('One', 'Two', 'Three', 'Four')
  await kill(1)
  await call(url, '/events/receive', { max: 1, leaseSeconds: 600 })
  const { page, problems } = await visit(t, url)
  await shows(tile(page, 'Ready'), /^2$/)
  await shows(tile(page, 'Dead letters'), /^1$/)
  await shows(tile(page, 'Cleanups owed'), /^0$/)
  await shows(legend(page, 'Events in all subscriptions', 'leased'), /^1$/)
  await shows(legend(page, 'Age of the oldest ready event', 'oldest'), /s$/)
  await page.getByRole('link', { name: 'Dead letters 1' }).waitFor()
  keepSubmitting(t, url)
  const lines = ['added', 'replayed', 'already known', 'refused']
  await Promise.all(lines.map((line) => shows(legend(page, 'Submissions by outcome', line), /[1-9]/)))
  await shows(legend(page, 'Time to answer', 'half within'), /[1-9].* [mµ]?s/)
  const chart = page.getByRole('img', { name: /^Submissions by outcome: added .*[1-9].*\/s, replayed/ })
  await chart.waitFor()
  await page.getByText('The latest figures as a table').click()
  await page
    .getByRole('cell', { name: /[1-9].*\/s$/ })
    .first()
    .waitFor()
  await chart.locator('canvas').waitFor()
  t.same(problems, [])
})

test('a store that does not answer is named, and the page goes on', async (t) => {
  const { url, app } = await listen(t)
  const { page } = await visit(t, url)
  const lamp = (name: string) => page.locator('.health dl > div').filter({ hasText: name }).getByRole('definition')
  await shows(lamp('Queue'), /^answers$/)
  const { probe } = app.queue
  app.queue.probe = () => Promise.reject(new StoreUnavailable('down'))
  await shows(lamp('Queue'), /^does not answer$/)
  await shows(lamp('Database'), /^answers$/)
  app.queue.probe = probe
  await shows(lamp('Queue'), /^answers$/)
  t.pass()
})

test('while the service is away a banner says so; when it is back the page takes up where it was', async (t) => {
  t.testdir()
  const first = spawnService(t, {})
  const url = await first.listening
  const { page, problems } = await visit(t, `${url}/#/formulas`)
  await page.getByRole('heading', { name: 'Nothing stored yet' }).waitFor()
  // Not when it is back: the page may be quicker to ask then.
  await post(url, 'meanwhile', { name: 'Rose again', materials: rose(1) })
  await first.kill('SIGKILL')
  await page.getByRole('alert').getByText('The service does not answer.').waitFor()
  await page.getByLabel('Words or id').fill('rose')
  await page.getByText('The service cannot be reached.').waitFor()
  await page.getByRole('link', { name: 'Overview' }).click()
  await shows(legend(page, 'Events in all subscriptions', 'ready'), /^–$/)
  await page.getByRole('link', { name: 'Formulas', exact: true }).click()
  await spawnService(t, { PORT: new URL(url).port }).listening
  await page.getByRole('status').getByText('The service answers again.').waitFor()
  await page.getByRole('link', { name: 'Rose again' }).waitFor()
  t.equal(await page.getByText('The service does not answer.').count(), 0)
  t.same(problems, [])
})

test('what a proxy refuses is not asked for again and again, only when the operator says so', async (t) => {
  const { url } = await listen(t)
  const { page, problems } = await visit(t, 'about:blank')
  let asked = 0
  await page.route('**/formulas', (route) => {
    asked++
    return route.fulfill({ status: 403, contentType: 'text/html', body: '<h1>No</h1>' })
  })
  await page.goto(`${url}/#/formulas`)
  await page.getByText('something before it answered 403').waitFor()
  for (let looks = 0; looks < 2; looks++) await page.waitForResponse('**/health/ready')
  // One at first, and one when the service turns out to be there.
  t.ok(asked <= 2, `${asked}`)
  await page.unroute('**/formulas')
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByRole('heading', { name: 'Nothing stored yet' }).waitFor()
  t.same(problems, [])
})

test('a view that gets no answer at all says so in the end', async (t) => {
  const { url } = await listen(t)
  const { page } = await visit(t, 'about:blank')
  await page.addInitScript(`const { timeout } = AbortSignal
    AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms / 100)`)
  await page.route('**/formulas', () => {})
  await page.goto(`${url}/#/formulas`)
  await page.getByText('The service cannot be reached.').waitFor()
  t.pass()
})

test('when the clock is set back the charts begin anew rather than run into the past', async (t) => {
  const { url } = await listen(t)
  const { page } = await visit(t, 'about:blank')
  await stopClock(page)
  await page.goto(url)
  await page.getByText('The latest figures as a table').click()
  const rows = page.getByRole('region', { name: 'The latest figures' }).getByRole('rowheader')
  await page.clock.runFor(1_000)
  await rows.first().waitFor()
  await page.clock.runFor(2_000)
  await rows.nth(1).waitFor()
  await page.clock.setSystemTime(Date.now() - 3_600_000)
  await page.clock.runFor(2_000)
  await rows.nth(1).waitFor({ state: 'detached' })
  await page.clock.runFor(2_000)
  await rows.nth(1).waitFor()
  const times = (await rows.allTextContents()).map((text) => Date.parse(text))
  t.same(
    times,
    times.toSorted((a, b) => b - a),
  )
})

test('a page that nobody sees asks nothing, and asks at once when it is seen again', async (t) => {
  const { url } = await listen(t)
  const { page } = await visit(t, 'about:blank')
  await page.clock.install()
  await page.goto(url)
  await shows(tile(page, 'Ready'), /^0$/)
  const setHidden = (hidden: boolean) =>
    page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'))`)
  await setHidden(true)
  let asked = 0
  page.on('request', () => asked++)
  await page.clock.fastForward(60_000)
  t.equal(asked, 0)
  // It does not wait for the clock, which stands still.
  await page.clock.pauseAt(Date.now() + 3_600_000)
  const asking = page.waitForRequest('**/subscriptions')
  await setHidden(false)
  await asking
  t.ok(asked > 0)
})

test('the history and the range of the charts survive a reload', async (t) => {
  const { url } = await listen(t)
  const { page, problems } = await visit(t, url)
  await page.getByLabel('Charts of the last').selectOption('1 hour')
  await page.getByText('The latest figures as a table').click()
  const rows = page.getByRole('rowheader')
  await rows.nth(1).waitFor()
  const first = (await rows.last().textContent()) ?? 'none'
  await page.reload()
  await page.getByText('The latest figures as a table').click()
  await page.getByRole('rowheader', { name: first }).waitFor()
  t.equal(await page.getByLabel('Charts of the last').inputValue(), '3600')
  t.same(problems, [])
})
