import type { Locator } from 'playwright-core'
import tap, { test } from 'tap'
import { endBrowser, visit } from '../support/browser/browser.ts'
import { listen } from '../support/browser/services.ts'

tap.teardown(endBrowser)

/** Names that would do harm where one of them got into the page as anything but text. */
const HOSTILE = [
  '<img src=x onerror="globalThis.harmed = true">',
  '<script>globalThis.harmed = true</script>',
  '"><svg onload=globalThis.harmed=true>',
  "javascript:alert('x')",
  '`+(globalThis.harmed=true)+`',
  '&lt;b&gt; &amp; \u202Egnol',
]

test('formulas are found by the beginning of their name, and all of them page by page', async (t) => {
  const { url, store } = await listen(t)
  await store(...Array.from({ length: 60 }, (_, index) => `Filler ${index}`))
  await store('Rose Garden', 'ROSE noir', 'Sel de Mer')
  const { page, problems } = await visit(t, `${url}/#/formulas`)
  await page.getByText('50 formulas, and there are more').waitFor()
  t.equal(await page.getByRole('row').nth(1).getByRole('rowheader').textContent(), 'Sel de Mer', 'the newest first')
  await page.getByRole('button', { name: 'Show older ones' }).click()
  await page.getByText('63 formulas').waitFor()
  t.equal(await page.getByRole('button', { name: 'Show older ones' }).count(), 0)
  await page.getByLabel('Name or id').fill('rose')
  await page.getByText('2 formulas').waitFor()
  t.same(await page.getByRole('rowheader').allTextContents(), ['ROSE noir', 'Rose Garden'])
  t.match(page.url(), /#\/formulas\?name=rose$/, 'the address leads back to it')
  await page.getByLabel('Name or id').fill('nobody')
  await page.getByText('No formula’s name begins with “nobody”.').waitFor()
  t.same(problems, [])
})

test('the address says what is searched for, whichever way it was reached', async (t) => {
  const { url, store } = await listen(t)
  await store('Rose Garden', 'Velvet Iris')
  const { page, problems } = await visit(t, `${url}/#/formulas`)
  const field = page.getByLabel('Name or id')
  await field.fill('velvet')
  await page.getByText('1 formula', { exact: true }).waitFor()
  await page.getByRole('link', { name: 'Formulas' }).click()
  await page.getByText('2 formulas').waitFor()
  t.equal(await field.inputValue(), '')
  await page.evaluate("location.hash = '#/formulas?name=rose'")
  await page.getByText('1 formula', { exact: true }).waitFor()
  t.equal(await field.inputValue(), 'rose')
  t.same(problems, [])
})

test('a list says how old it is, and is asked for again', async (t) => {
  const { url, store } = await listen(t)
  await store('Rose Garden')
  const { page } = await visit(t, `${url}/#/formulas`)
  await page.getByText(/^As of \d\d:\d\d:\d\d$/).waitFor()
  await store('Velvet Iris')
  await page.getByRole('button', { name: 'Refresh' }).click()
  await page.getByText('2 formulas').waitFor()
})

test('an id leads to its formula: exact concentrations, how they compare, and the id to copy', async (t) => {
  const { url, store } = await listen(t)
  const [id = ''] = await store('Rose Garden')
  const { page, problems } = await visit(t, `${url}/#/formulas`, { permissions: ['clipboard-read', 'clipboard-write'] })
  await page.getByLabel('Name or id').fill(id.toUpperCase())
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
  await page.getByText('The id is copied.').waitFor()
  t.equal(await page.evaluate('navigator.clipboard.readText()'), id)
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

test('before the first formula the page says what will be there', async (t) => {
  const { url } = await listen(t)
  const { page } = await visit(t, `${url}/#/formulas`)
  await page.getByRole('heading', { name: 'Nothing stored yet' }).waitFor()
  await page.getByRole('link', { name: 'submit one by hand' }).click()
  await page.getByRole('heading', { name: 'Submit a formula' }).waitFor()
  t.pass()
})

test('a name that shows nothing can still be seen and followed', async (t) => {
  const { url, store } = await listen(t)
  await store('\u2800', '\u2800\u200B')
  const { page, problems } = await visit(t, `${url}/#/formulas`)
  await page.getByRole('link', { name: 'no visible name' }).nth(1).click()
  await page.getByRole('heading', { name: 'no visible name', level: 1 }).waitFor()
  t.same(problems, [])
})

/** How far from the left a text of the page stands. */
const leftOf = (place: Locator, text: string): Promise<number> =>
  place.evaluate((element, text) => {
    const { ownerDocument: document } = element
    const nodes = document.createTreeWalker(element, 4)
    while (nodes.nextNode()) {
      const at = (nodes.currentNode as unknown as { data: string }).data.indexOf(text)
      if (at < 0) continue
      const range = document.createRange()
      range.setStart(nodes.currentNode, at)
      range.setEnd(nodes.currentNode, at + text.length)
      return range.getBoundingClientRect().left
    }
    return Number.NaN
  }, text)

test('a name is read in its own direction, and turns nothing that stands beside it', async (t) => {
  const { url, store, kill } = await listen(t)
  await store('عطر الورد (No. 5)', '\u202Etxet')
  await kill(2)
  const { page } = await visit(t, `${url}/#/dead-letters`)
  const arabic = page.getByRole('link', { name: 'عطر' })
  t.ok((await leftOf(arabic, '5')) < (await leftOf(arabic, 'عطر')), 'what comes last stands on the left')
  await page.getByRole('button', { name: 'Delete \u202Etxet' }).click()
  const text = page.getByText('No consumer of default will ever see')
  t.ok((await leftOf(text, 'txet')) < (await leftOf(text, '”.')), 'the sentence goes on from left to right')
})

test('times are those of the operator, and under the pointer those of the service', async (t) => {
  const { url, store } = await listen(t)
  await store('Rose Garden')
  const { page } = await visit(t, `${url}/#/formulas`, { timezoneId: 'Asia/Kolkata' })
  const shown = page.getByRole('time')
  const iso = (await shown.getAttribute('title')) ?? ''
  t.match(iso, /^[\d-]+T[\d:.]+Z$/)
  const there = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone: 'Asia/Kolkata' })
  t.match(await shown.textContent(), new RegExp(`${there.format(new Date(iso))}$`))
})

test('a hostile name is text wherever it stands, and nothing else', async (t) => {
  const { url, store, kill } = await listen(t)
  const ids = await store(...HOSTILE)
  await kill(HOSTILE.length)
  const { page, problems } = await visit(t, `${url}/#/formulas`)
  for (const name of HOSTILE) await page.getByRole('link', { name, exact: true }).waitFor()
  for (const [index, name] of HOSTILE.entries()) {
    await page.goto(`${url}/#/formulas/${ids[index]}`)
    await page.getByRole('heading', { name, exact: true }).waitFor()
  }
  await page.goto(`${url}/#/dead-letters`)
  await page.getByRole('button', { name: `Delete ${HOSTILE[0]}` }).click()
  await page
    .getByRole('dialog')
    .getByText(HOSTILE[0] ?? '')
    .waitFor()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.goto(`${url}/#/formulas?name=${encodeURIComponent('"><img src=x onerror=globalThis.harmed=true>')}`)
  await page.getByText('No formula’s name begins with').waitFor()
  t.equal(await page.evaluate('globalThis.harmed'), undefined)
  t.equal(await page.locator('main img, main script').count(), 0)
  t.same(problems, [])
})
