import type { Locator, Page, Route } from 'playwright-core'
import tap, { test } from 'tap'
import { StoreUnavailable } from '../../src/errors/store-errors.ts'
import { listed } from '../contract/submissions.ts'
import { endBrowser, hold, paintLate, visit } from '../support/browser/browser.ts'
import { listen, rose } from '../support/browser/services.ts'

tap.teardown(endBrowser)

/** Fills the form with the formula that `rose(0)` makes up. */
async function fillIn(page: Page, name: string): Promise<void> {
  await page.getByLabel('Name of the formula').fill(name)
  await page.getByRole('button', { name: 'Add a material' }).click()
  for (const [index, material] of rose(0).entries()) {
    const row = page.getByRole('group', { name: `Material ${index + 1}` })
    await row.getByLabel(`Material ${index + 1}`, { exact: true }).fill(material.name)
    await row.getByLabel('Concentration').fill(material.concentration)
  }
}

const submit = (page: Page): Promise<void> => page.getByRole('button', { name: 'Submit the formula' }).click()

/** The field's error message, as a screen reader reads it. */
async function complaintOf(page: Page, field: Locator): Promise<string | null> {
  const id = await field.getAttribute('aria-describedby')
  return id === null ? null : page.locator(`[id="${id}"]`).textContent()
}

/** @returns the keys of the submissions from now on, as they are sent */
function keysSent(page: Page): (string | undefined)[] {
  const keys: (string | undefined)[] = []
  page.on('request', (request) => {
    if (request.method() === 'POST') keys.push(request.headers()['idempotency-key'])
  })
  return keys
}

/** Loses the next answer in transit: the formula is stored, but the page does not know. */
async function loseAnswer(page: Page): Promise<void> {
  const lose = async (route: Route): Promise<void> => {
    await route.fetch()
    await route.abort()
  }
  await page.route('**/formulas', lose, { times: 1 })
}

test('a formula is submitted with the keyboard alone, and the focus never lost', async (t) => {
  const { url, app } = await listen(t)
  const { page, problems } = await visit(t, `${url}/#/submit`)
  await page.getByLabel('Name of the formula').focus()
  const type = (text: string) => page.keyboard.type(text)
  const press = (key: string) => page.keyboard.press(key)
  await type('Typed')
  await press('Tab')
  await type('Rose Absolute')
  await press('Tab')
  await type('12.50')
  // Past the button that removes the row, to the second row.
  await press('Tab')
  await press('Tab')
  await type('Linalool')
  await press('Tab')
  await type('3')
  await press('Tab')
  await press('Tab')
  await press('Enter')
  t.equal(await page.evaluate('document.activeElement.labels[0].textContent'), 'Material 3', 'the row that was added')
  await press('Tab')
  await press('Tab')
  await press('Enter')
  t.equal(await page.evaluate('document.activeElement.labels[0].textContent'), 'Material 2', 'one beside what is gone')
  await press('Enter')
  await page.getByRole('link', { name: 'Typed' }).waitFor()
  const { items } = await listed(app.db, { limit: 10 })
  t.match(
    items.map(({ document }) => JSON.parse(document)),
    [{ name: 'Typed', materials: [{ concentration: '12.5' }, { concentration: '3' }] }],
  )
  t.equal(await page.getByLabel('Name of the formula').inputValue(), '', 'the form is ready for the next')
  t.equal(await page.evaluate('document.activeElement.id'), 'name')
  t.same(problems, [])
})

test("what is wrong stands at its field in the service's own words, and the first such field has the focus", async (t) => {
  const { url } = await listen(t)
  const { page } = await visit(t, 'about:blank')
  await paintLate(page)
  await page.goto(`${url}/#/submit`)
  await fillIn(page, 'Wrong')
  const [second, third] = [1, 2].map((index) => page.getByRole('group', { name: `Material ${index + 1}` }))
  await second?.getByLabel('Concentration').fill('3,5')
  await third?.getByLabel('Material 3', { exact: true }).fill('ROSE  absolute')
  await submit(page)
  const wrong = second?.getByLabel('Concentration') as Locator
  await page.locator('[aria-invalid=true]').first().waitFor()
  t.equal(await page.locator('[aria-invalid=true]').count(), 2)
  t.equal(
    await complaintOf(page, wrong),
    'Write 3.5, with a point. Material concentration must be a decimal above 0 with at most 12 digits before and 12 after the point',
  )
  t.equal(await complaintOf(page, third?.getByLabel('Material 3', { exact: true }) as Locator), DUPLICATE)
  t.ok(await wrong.evaluate((field) => field === field.ownerDocument.activeElement))
  await page.getByRole('alert').filter({ hasText: 'Correct the fields that are marked' }).waitFor()
})

const DUPLICATE = 'The same material occurs twice in one formula'

test('rows pasted from a spreadsheet fill the form, and commas become points once that is confirmed', async (t) => {
  const { url, app } = await listen(t)
  const permissions = ['clipboard-read', 'clipboard-write']
  const { page, problems } = await visit(t, `${url}/#/submit`, { permissions })
  await page.getByLabel('Name of the formula').fill('Pasted')
  const rows = Array.from({ length: 60 }, (_, index) => `Material ${index}\t${index + 1},5`).join('\r\n')
  await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(rows)})`)
  await page.getByRole('group', { name: 'Material 1', exact: true }).getByRole('textbox').first().focus()
  await page.keyboard.press('Control+V')
  await page.getByRole('dialog').getByText('There is a comma in 60 of 60 concentrations, such as 1,5.').waitFor()
  await page.getByRole('button', { name: 'Write points' }).click()
  await page.getByText('Metadata (optional)').click()
  await page.getByRole('button', { name: 'Add a note' }).click()
  await page.getByRole('group', { name: 'Note 1' }).getByRole('textbox').first().fill('project')
  await page.getByLabel('Value').fill('P-204')
  await submit(page)
  await page.getByRole('link', { name: 'Pasted' }).waitFor()
  const [stored] = (await listed(app.db, { limit: 1 })).items.map(({ document }) => JSON.parse(document))
  t.equal(stored.materials.length, 60)
  t.match(stored, { materials: [{ name: 'Material 0', concentration: '1.5' }], metadata: { project: 'P-204' } })
  t.same(problems, [])
})

test('a pasted column with an empty cell gives each material its own concentration', async (t) => {
  const { url } = await listen(t)
  const { page, problems } = await visit(t, `${url}/#/submit`, { permissions: ['clipboard-read', 'clipboard-write'] })
  const paste = async (text: string, field: Locator) => {
    await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`)
    await field.focus()
    await page.keyboard.press('Control+V')
  }
  const concentrations = page.getByLabel('Concentration')
  const values = async () => Promise.all((await concentrations.all()).map((field) => field.inputValue()))
  await paste('A\t91\r\nB\t92\r\nC\t93\r\nD\t9,4\r\n', page.getByRole('textbox', { name: 'Material 1' }))
  await page.getByRole('button', { name: 'Leave them' }).click()
  await paste('1\n\n3\n4', concentrations.first())
  await page.getByText('4 rows pasted.').waitFor()
  t.same(await values(), ['1', '', '3', '4'])
  await concentrations.nth(3).fill('9,4')
  await paste('\r\n1,5\r\n', concentrations.first())
  await page.getByRole('dialog').getByText('There is a comma in 1 of 2 concentrations').waitFor()
  await page.getByRole('button', { name: 'Write points' }).click()
  t.same(await values(), ['', '1.5', '3', '9,4'], 'only of the rows that the question was about')
  await paste('1,000\n2.5\n\n6\n7', concentrations.nth(2))
  await page.getByText('5 rows pasted. Some have a comma and some a point').waitFor()
  t.same(await values(), ['', '1.5', '1,000', '2.5', '', '6', '7'])
  t.same(problems, [])
})

test('a known composition links to the stored formula', async (t) => {
  const { url } = await listen(t)
  const { page } = await visit(t, `${url}/#/submit`)
  await fillIn(page, 'First')
  await submit(page)
  await page.getByRole('link', { name: 'First' }).waitFor()
  await fillIn(page, 'Second')
  await submit(page)
  await page.getByText('This formula already exists in the database').waitFor()
  await page.getByRole('link', { name: 'See the formula that is stored' }).click()
  await page.getByRole('heading', { name: 'First' }).waitFor()
  t.pass()
})

test('after an error of the service the same draft is sent again with the same key, and stored once', async (t) => {
  const { url, app } = await listen(t, { SUBMIT_RETRIES: '1' })
  const { page } = await visit(t, `${url}/#/submit`)
  const keys = keysSent(page)
  await loseAnswer(page)
  await fillIn(page, 'Twice')
  await submit(page)
  await page.getByText('It is safe to press “Submit the formula” again').waitFor()
  await submit(page)
  await page.getByRole('link', { name: 'Twice' }).waitFor()
  t.equal((await listed(app.db, { limit: 10 })).items.length, 1)
  const { submit: real } = app.orchestrator
  app.orchestrator.submit = () => Promise.reject(new StoreUnavailable('down'))
  await fillIn(page, 'Twice')
  await page.getByLabel('Concentration').first().fill('99')
  await submit(page)
  await page.getByText('It is safe to press').waitFor()
  app.orchestrator.submit = real
  await submit(page)
  await page.getByRole('link', { name: 'Twice' }).waitFor()
  const [first, again, other, last] = keys
  t.equal(first, again)
  t.equal(other, last)
  t.not(first, other, 'another formula has another key')
})

test('what is typed while a formula is being stored stays in the form', async (t) => {
  const { url, app } = await listen(t)
  const { page, problems } = await visit(t, `${url}/#/submit`)
  const release = await hold(page, 'POST', '**/formulas')
  const name = page.getByLabel('Name of the formula')
  await fillIn(page, 'Sent')
  await submit(page)
  await page.getByRole('button', { name: 'Submitting…' }).waitFor()
  await name.fill('The next one')
  await page.getByLabel('Concentration').first().fill('77')
  release()
  await page.getByRole('status').getByText('Sent is stored. What was changed since stays in the form.').waitFor()
  t.equal(await name.inputValue(), 'The next one')
  await submit(page)
  await page.getByRole('link', { name: 'The next one' }).waitFor()
  t.equal(await name.inputValue(), '')
  const { items } = await listed(app.db, { limit: 10 })
  t.match(
    items.map(({ document }) => JSON.parse(document).name),
    ['The next one', 'Sent'],
  )
  t.same(problems, [])
})

test('a draft and its key stay while the operator looks elsewhere', async (t) => {
  const { url, app } = await listen(t)
  const { page } = await visit(t, `${url}/#/submit`)
  const keys = keysSent(page)
  await loseAnswer(page)
  await fillIn(page, 'Interrupted')
  await submit(page)
  await page.getByText('It is safe to press').waitFor()
  await page.getByRole('link', { name: 'Overview' }).click()
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  await page.getByRole('link', { name: 'Submit' }).click()
  await page.getByRole('group', { name: 'Material 3' }).waitFor()
  t.equal(await page.getByLabel('Name of the formula').inputValue(), 'Interrupted')
  await submit(page)
  await page.getByRole('link', { name: 'Interrupted' }).waitFor()
  t.equal(keys.length, 2)
  t.equal(keys[0], keys[1])
  t.equal((await listed(app.db, { limit: 10 })).items.length, 1)
  await page.getByRole('link', { name: 'Overview' }).click()
  await page.getByRole('link', { name: 'Submit' }).click()
  await page.getByRole('heading', { name: 'Submit a formula' }).waitFor()
  t.equal(await page.getByLabel('Name of the formula').inputValue(), '', 'what is stored is no draft any more')
})
