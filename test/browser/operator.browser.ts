import tap, { test } from 'tap'
import { StoreUnavailable } from '../../src/errors/store-errors.ts'
import { openMemory } from '../../src/stores/sqlite/memory.ts'
import { listed } from '../contract/submissions.ts'
import { endBrowser, paintLate, visit } from '../support/browser/browser.ts'
import { listen, rose } from '../support/browser/services.ts'
import { post } from '../support/service-process.ts'
import { TestClock } from '../support/test-clock.ts'

tap.teardown(endBrowser)

test('dead letters are shown with their reason, and those selected go to the back of the queue', async (t) => {
  const { url, store, kill, app } = await listen(t)
  await store('One', 'Two', 'Three')
  await kill(3)
  const { page, problems } = await visit(t, `${url}/#/dead-letters`)
  const row = page.getByRole('row').filter({ hasText: 'Two' })
  await row.getByText('nacked').waitFor()
  const redrive = page.getByRole('button', { name: /^Redrive selected/ })
  t.ok(await redrive.isDisabled(), 'nothing is selected')
  await page.getByLabel('Select Two').check()
  await page.getByLabel('Select Three').check()
  await redrive.click()
  await page.getByRole('dialog').getByText('2 events will join the back of the queue').waitFor()
  await page.keyboard.press('Escape')
  t.match(await app.queue.stats('default'), { ready: 0, dead: 3 }, 'Escape says no')
  t.match(await page.evaluate('document.activeElement.textContent'), /^Redrive selected/, 'and the focus is back')
  await redrive.click()
  await page.getByRole('button', { name: 'Redrive', exact: true }).click()
  await page.getByRole('status').getByText('2 events sent to the back of the queue.').waitFor()
  await page.getByText('Two').waitFor({ state: 'hidden' })
  t.match(await app.queue.stats('default'), { ready: 2, dead: 1 })
  t.equal(await page.evaluate('document.activeElement.tagName'), 'H1', 'the focus is not lost with the row')
  t.same(problems, [])
})

test('the list follows the queue, but not under the hands of who selects in it', async (t) => {
  const { url, store, kill, app } = await listen(t)
  await store('One', 'Two')
  await kill(2)
  const { page } = await visit(t, `${url}/#/dead-letters`)
  const [one, two] = (await app.queue.dead('default', 2)).items.map(({ id }) => id)
  await page.getByText('2 dead letters').waitFor()
  await app.queue.removeDead('default', one ?? '')
  await page.getByText('1 dead letter', { exact: true }).waitFor()
  await page.getByLabel(/^Select (One|Two)$/).check()
  await app.queue.removeDead('default', two ?? '')
  await page.getByText('1 dead letter; there are 0 now').waitFor()
  t.equal(await page.getByRole('checkbox').count(), 2)
  await page.getByRole('button', { name: 'Refresh' }).click()
  await page.getByRole('heading', { name: 'No dead letters' }).waitFor()
})

test('all dead letters are redriven at once, also those that are not shown', async (t) => {
  const { url, store, kill, app } = await listen(t)
  await store(...Array.from({ length: 60 }, (_, index) => `Letter ${index}`))
  await kill(60)
  const { page } = await visit(t, `${url}/#/dead-letters`)
  await page.getByText('50 dead letters of 60').waitFor()
  await page.getByRole('button', { name: 'Redrive all' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Redrive all' }).click()
  await page.getByText('60 events sent to the back of the queue.').waitFor()
  await page.getByRole('heading', { name: 'No dead letters' }).waitFor()
  t.match(await app.queue.stats('default'), { ready: 60, dead: 0 })
})

test('a dead letter is deleted once that is confirmed; its formula stays', async (t) => {
  const { url, store, kill, app } = await listen(t)
  await store('Kept', 'Gone')
  await kill(2)
  const { page } = await visit(t, `${url}/#/dead-letters`)
  await page.getByRole('button', { name: 'Delete Gone' }).click()
  await page.getByRole('button', { name: 'Cancel' }).click()
  t.equal((await app.queue.stats('default')).dead, 2)
  await page.getByRole('button', { name: 'Delete Gone' }).click()
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await page.getByRole('status').getByText('The dead letter of “Gone” is deleted.').waitFor()
  t.equal((await app.queue.stats('default')).dead, 1)
  t.equal((await listed(app.db, { limit: 10 })).items.length, 2)
  // Wait for the list to be reloaded first: its answer must not include the following change.
  await page.getByRole('link', { name: 'Gone' }).waitFor({ state: 'detached' })
  // Another operator may act first. A selection stops the list from being refreshed.
  await page.getByLabel('Select Kept').check()
  const [kept] = (await app.queue.dead('default', 1)).items
  await app.queue.removeDead('default', kept?.id ?? '')
  await page.getByRole('button', { name: 'Delete Kept' }).click()
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await page.getByText('There is no dead letter with this id').waitFor()
  await page.getByRole('heading', { name: 'No dead letters' }).waitFor()
})

test('the selected dead letters are deleted together, also where one is gone already', async (t) => {
  const { url, store, kill, app } = await listen(t)
  const [, gone = ''] = await store('One', 'Two', 'Three')
  await kill(3)
  const { page, problems } = await visit(t, `${url}/#/dead-letters`)
  await page.getByLabel('Select Two').check()
  await page.getByLabel('Select Three').check()
  await app.queue.removeDead('default', gone)
  await page.getByRole('button', { name: 'Delete selected' }).click()
  await page.getByRole('dialog').getByText('Delete 2 dead letters?').waitFor()
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await page.getByRole('status').getByText('2 dead letters deleted.').waitFor()
  t.match(await app.queue.stats('default'), { ready: 0, dead: 1 })
  t.same(problems, [])
})

test('a dead letter that a refreshed list no longer shows is not selected any more', async (t) => {
  const { url, store, kill, app } = await listen(t)
  const [, gone = ''] = await store('One', 'Two', 'Three')
  await kill(3)
  const { page } = await visit(t, `${url}/#/dead-letters`)
  await page.getByLabel('Select Two').check()
  await page.getByLabel('Select Three').check()
  await app.queue.removeDead('default', gone)
  await page.getByRole('button', { name: 'Refresh' }).click()
  await page.getByRole('button', { name: 'Redrive selected (1)' }).waitFor()
  await page.getByLabel('Select Three').uncheck()
  t.ok(await page.getByRole('button', { name: 'Redrive selected (0)' }).isDisabled())
})

test('a question can be answered as soon as it is asked', async (t) => {
  const { url, store, kill, app } = await listen(t)
  await store('Kept')
  await kill(1)
  const { page } = await visit(t, 'about:blank')
  await paintLate(page)
  await page.goto(`${url}/#/dead-letters`)
  const remove = page.getByRole('button', { name: 'Delete Kept' })
  await remove.click()
  t.equal(await page.evaluate('document.activeElement.textContent'), 'Cancel', 'which does no harm')
  await page.keyboard.press('Enter')
  await remove.and(page.locator(':focus')).waitFor()
  t.equal((await app.queue.stats('default')).dead, 1)
})

test('a cleanup is shown with its reason, and is gone when it was retried with success', async (t) => {
  // The clock stands still, so that only the operator retries.
  const clock = new TestClock()
  const stores = openMemory({ clock, answerTtlMs: 60_000, maxReceives: 1 })
  const { publish, remove } = stores.queue
  const fail = (): Promise<never> => Promise.reject(new StoreUnavailable('the queue is away'))
  Object.assign(stores.queue, { publish: fail, remove: fail })
  const env = { DATABASE_URL: 'memory:', SUBMIT_RETRIES: '1' }
  // Without an intake it is a saga, whose rollback can be interrupted.
  const { url } = await listen(t, env, { clock, stores: { ...stores, intake: null } })
  t.equal((await post(url, 'owed', { name: 'Owed', materials: rose(1) })).status, 503)
  const { page, problems } = await visit(t, `${url}/#/cleanups`)
  await page.getByRole('heading', { name: /the queue is away/ }).waitFor()
  await page.getByRole('link', { name: 'Cleanups 1' }).waitFor()
  await page.getByText('Unfinished rollbacks and erasures', { exact: true }).waitFor()
  await page.getByText('or a formula that is not erased everywhere yet').waitFor()
  Object.assign(stores.queue, { publish, remove })
  await page.getByRole('button', { name: /^Retry / }).click()
  await page.getByRole('status').getByText('Cleanup scheduled').waitFor()
  await page.getByRole('heading', { name: 'Nothing is owed' }).waitFor()
  t.same(problems, [])
})
