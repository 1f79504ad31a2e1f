import tap, { test } from 'tap'
import { endBrowser, hold, visit } from '../support/browser/browser.ts'
import { listen, rose } from '../support/browser/services.ts'
import { post } from '../support/service-process.ts'

tap.teardown(endBrowser)

const ROSE = 'e'.repeat(64)

test('an id leads to its formula: exact concentrations, how they compare, and the id to copy', async (t) => {
  const { url, store } = await listen(t)
  const [id = ''] = await store('Rose Garden')
  const { page, problems } = await visit(t, `${url}/#/formulas`, { permissions: ['clipboard-read', 'clipboard-write'] })
  await page.getByLabel('Words or id').fill(id.toUpperCase())
  await page.getByRole('heading', { name: 'Rose Garden' }).waitFor()
  t.equal(await page.title(), 'Rose Garden · Formula intake')
  const rows = page.getByRole('row')
  t.match(await rows.nth(1).textContent(), /Rose Absolute12\.\d+1\d\d\.\d %/)
  t.match(await rows.nth(3).textContent(), /Ambroxan0\.004< 0\.1 %/)
  const widths = await page
    .locator('.bar > span')
    .evaluateAll((bars) => bars.map((bar) => bar.getBoundingClientRect().width))
  t.ok((widths[0] ?? 0) > (widths[1] ?? 0) && (widths[1] ?? 0) > (widths[2] ?? 0), widths.join())
  await page.getByRole('button', { name: 'Copy the id' }).click()
  await page.getByText('Copied the id.').waitFor()
  t.equal(await page.evaluate('navigator.clipboard.readText()'), id)
  t.same(problems, [])
})

test('a formula shows its exact total, its metadata, and its largest materials first if wanted', async (t) => {
  const { url } = await listen(t)
  const materials = [
    { name: 'Linalool', concentration: '0.1' },
    { name: 'Rose, "absolute"', concentration: '999999999999.999999999999' },
    { name: 'Ambroxan', concentration: '0.2' },
  ]
  const answer = await post(url, 'exact', { name: 'Exact', materials, metadata: { project: 'P-204' } })
  const { formulas } = (await answer.json()) as { formulas: [{ id: string }] }
  const permissions = ['clipboard-read', 'clipboard-write']
  const { page, problems } = await visit(t, `${url}/#/formulas/${formulas[0].id}`, { permissions })
  await page.getByRole('row', { name: 'Total 1000000000000.299999999999' }).waitFor()
  await page.getByRole('region', { name: 'Metadata' }).getByText('P-204').waitFor()
  await page.getByRole('button', { name: 'Largest first' }).click()
  await page.getByText('3 materials, the largest first').waitFor()
  t.same(await page.locator('.materials').getByRole('rowheader').allTextContents(), [
    'Rose, "absolute"',
    'Ambroxan',
    'Linalool',
    'Total',
  ])
  const copied = async (what: string) => {
    await page.getByRole('button', { name: `Copy as ${what}` }).click()
    await page.getByText(`Copied as ${what}.`).waitFor()
    return String(await page.evaluate('navigator.clipboard.readText()'))
  }
  t.match(JSON.parse(await copied('JSON')), { ...formulas[0], materials, metadata: { project: 'P-204' } })
  const [head, ...rows] = (await copied('CSV')).split(/\r?\n/)
  t.equal(head, 'formula,material,concentration')
  t.equal(rows[1], 'Exact,"Rose, ""absolute""",999999999999.999999999999')
  t.same(problems, [])
})

test('the bars of a long formula are scaled to its largest material', async (t) => {
  const { url, take } = await listen(t)
  const materials = Array.from({ length: 57 }, (_, index) => ({ name: `M ${index}`, concentration: String(index + 1) }))
  const [id = ''] = await take([{ name: 'Long', materials }])
  const { page } = await visit(t, `${url}/#/formulas/${id}`)
  const last = page.getByRole('row', { name: 'M 56' }).locator('.bar')
  await last.waitFor()
  const [bar, fill] = await Promise.all([last.boundingBox(), last.locator('span').boundingBox()])
  t.equal(fill?.width, bar?.width)
})

test('a formula shows its event in each subscription, and where it was derived from', async (t) => {
  const { url } = await listen(t)
  const { page, problems } = await visit(t, url)
  const formula = { id: ROSE, name: 'Rose Garden', materials: rose(0), createdAt: '2026-01-31T12:00:00.000Z' }
  const derivedFrom = 'd'.repeat(64)
  await page.route(`**/formulas/${ROSE}`, (route) =>
    route.fulfill({ json: { ...formula, submittedBy: 'lab', derivedFrom } }),
  )
  await page.route(`**/formulas/${ROSE}/deliveries`, (route) =>
    route.fulfill({
      json: {
        deliveries: [
          { subscription: 'default', state: 'done', receiveCount: 0, dueAt: null },
          { subscription: 'erp', state: 'leased', receiveCount: 2, dueAt: '2026-01-31T12:00:30.000Z' },
          { subscription: 'lab', state: 'dead', receiveCount: 5, dueAt: null },
        ],
      },
    }),
  )
  await page.goto(`${url}/#/formulas/${ROSE}`)
  const row = (name: string) => page.getByRole('row', { name })
  await row('default').getByText('acknowledged').waitFor()
  t.match(await row('erp').textContent(), /leased a consumer works on it2.*31 Jan 2026/)
  t.equal(await row('lab').getByRole('link').last().getAttribute('href'), '#/dead-letters?subscription=lab')
  t.equal(await page.getByRole('link', { name: derivedFrom }).getAttribute('href'), `#/formulas/${derivedFrom}`)
  await page.getByText('Submitted by').waitFor()
  t.same(problems, [])
})

test('links lead from a formula to what was derived from it, and back', async (t) => {
  const { url, store } = await listen(t)
  const [id = ''] = await store('Rose Garden')
  const headers = { 'content-type': 'application/json', 'idempotency-key': 'derive' }
  const body = JSON.stringify({ name: 'Doubled', scale: 2 })
  await fetch(`${url}/formulas/${id}/derive`, { method: 'POST', headers, body })
  const { page, problems } = await visit(t, `${url}/#/formulas/${id}`)
  await page.getByRole('link', { name: 'Formulas derived from it' }).click()
  await page.getByText('1 formula', { exact: true }).waitFor()
  await page.getByRole('link', { name: 'Doubled' }).click()
  await page.getByRole('link', { name: id }).click()
  await page.getByRole('heading', { name: 'Rose Garden' }).waitFor()
  t.same(problems, [])
})

test('a formula is derived with its totals in sight, and a problem stands at its field', async (t) => {
  const { url, store } = await listen(t)
  const [id = ''] = await store('Rose Garden')
  const { page, problems } = await visit(t, `${url}/#/formulas/${id}`)
  const bodies: unknown[] = []
  await page.route(`**/formulas/${id}/derive`, (route) => {
    bodies.push(route.request().postDataJSON())
    const details = [
      { path: '/changes/0/add', code: 'MATERIAL_NOT_IN_FORMULA', message: 'The formula has no such material' },
    ]
    if (bodies.length === 1)
      return route.fulfill({ status: 400, json: { message: 'No', code: 'CHANGES_INVALID', details } })
    return route.fulfill({ json: { message: 'Formula(s) added!', formulas: [{ id: ROSE }] } })
  })
  await page.getByRole('link', { name: 'Derive a new formula' }).click()
  await page.getByLabel('Name of the new formula').fill('Rose Garden, more')
  await page.getByLabel('Material', { exact: true }).fill('linalool')
  await page.getByLabel('Amount').fill('0.1')
  await page.getByText(/^The total is 1[\d.]+4 before, and 1[\d.]+4 after\.$/).waitFor()
  t.match(await page.getByRole('row', { name: 'Linalool' }).textContent(), /3\.253\.35/)
  const store_ = page.getByRole('button', { name: 'Store the new formula' })
  await store_.click()
  await page.getByLabel('Amount').and(page.locator('[aria-invalid=true]:focus')).waitFor()
  await page.getByText('The formula has no such material').waitFor()
  await store_.click()
  await page.waitForURL(`**/#/formulas/${ROSE}`)
  t.same(bodies[1], { name: 'Rose Garden, more', changes: [{ material: 'linalool', add: '0.1' }] })
  t.same(problems, [])
})

test('what is typed while a derived formula is being stored stays, and who has left is not fetched back', async (t) => {
  const { url, store } = await listen(t)
  const [id = ''] = await store('Rose Garden')
  const { page, problems } = await visit(t, `${url}/#/formulas/${id}?derive`)
  const name = page.getByLabel('Name of the new formula')
  const derive = async () => {
    const release = await hold(page, 'POST', '**/derive')
    await page.getByRole('button', { name: 'Store the new formula' }).click()
    await page.getByRole('button', { name: 'Submitting…' }).waitFor()
    return release
  }
  await name.fill('Doubled')
  const scale = page.getByLabel('Then multiply by')
  await scale.fill('2')
  const release = await derive()
  await name.fill('Tripled')
  await scale.fill('3')
  release()
  await page.getByRole('status').getByText('Doubled is stored. What was changed since stays in the form.').waitFor()
  t.same([await name.inputValue(), await scale.inputValue()], ['Tripled', '3'])
  const again = await derive()
  await page.getByRole('link', { name: 'Overview' }).click()
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  again()
  await page.getByRole('status').getByText('Tripled is stored.', { exact: true }).waitFor()
  t.match(page.url(), /#\/overview$/)
  await page.getByRole('link', { name: 'Tripled' }).click()
  await page.getByRole('heading', { name: 'Tripled' }).waitFor()
  t.same(problems, [])
})

test('what a proxy sends in place of the answer is told, and the form can be sent again', async (t) => {
  const { url, store } = await listen(t)
  const [id = ''] = await store('Rose Garden')
  const { page, problems } = await visit(t, `${url}/#/formulas/${id}?derive`)
  await page.getByLabel('Name of the new formula').fill('Doubled')
  await page.getByLabel('Then multiply by').fill('2')
  const button = page.getByRole('button', { name: 'Store the new formula' })
  for (const answer of [
    { status: 200, contentType: 'text/html', body: '<h1>Hello</h1>' },
    { status: 502, contentType: 'application/json', body: '{"message":"No upstream","details":"none"}' },
  ]) {
    await page.route('**/derive', (route) => route.fulfill(answer))
    await button.click()
    await page.getByRole('alert').getByText('something before it answered').waitFor()
    await page.unroute('**/derive')
  }
  await button.click()
  await page.getByRole('heading', { name: 'Doubled' }).waitFor()
  t.same(problems, [])
})

test('a change that removes a material takes no amount, and has the typed one again when it is another', async (t) => {
  const { url, store } = await listen(t)
  const [id = ''] = await store('Rose Garden')
  const { page, problems } = await visit(t, `${url}/#/formulas/${id}?derive`)
  const amount = page.getByLabel('Amount')
  await page.getByLabel('Material', { exact: true }).fill('Linalool')
  await amount.fill('0.1')
  await page.getByLabel('Operation').selectOption('remove')
  await page.getByRole('row', { name: 'Linalool' }).getByText('removed').waitFor()
  t.ok(await amount.isDisabled())
  t.equal(await amount.inputValue(), '')
  await page.getByLabel('Operation').selectOption('set')
  t.equal(await amount.inputValue(), '0.1')
  t.same(problems, [])
})

test('a formula is erased once that is confirmed, and what a failing store leaves is said', async (t) => {
  const { url, store } = await listen(t)
  const [id = ''] = await store('Rose Garden')
  const { page, problems } = await visit(t, `${url}/#/formulas/${id}`)
  let sent = 0
  await page.route(`**/formulas/${id}`, (route) => {
    if (route.request().method() !== 'DELETE') return route.continue()
    const down = { message: 'The store does not answer', code: 'STORE_UNAVAILABLE', details: [] }
    return ++sent === 1 ? route.fulfill({ status: 503, json: down }) : route.fulfill({ status: 204 })
  })
  const erase = page.getByRole('button', { name: 'Erase', exact: true })
  const yes = page.getByRole('dialog').getByRole('button', { name: 'Erase' })
  await erase.click()
  await page.getByRole('dialog').getByText('“Rose Garden” is erased with its event in every subscription').waitFor()
  await page.keyboard.press('Escape')
  t.equal(sent, 0, 'Escape says no')
  await erase.click()
  await yes.click()
  await page.getByRole('status').getByText('The erasure goes on by itself: see Cleanups.').waitFor()
  await erase.click()
  await yes.click()
  await page.getByRole('status').getByText('“Rose Garden” is erased.').waitFor()
  t.same(problems, [])
})

test('an unknown id shows the error text of the service', async (t) => {
  const { url } = await listen(t)
  const { page } = await visit(t, `${url}/#/formulas/${'0'.repeat(64)}`)
  await page.getByRole('heading', { name: 'No formula' }).waitFor()
  t.equal(await page.getByRole('button', { name: 'Try again' }).count(), 0, 'it would not help')
  await page.getByText('There is no formula with this id.').waitFor()
  t.pass()
})
