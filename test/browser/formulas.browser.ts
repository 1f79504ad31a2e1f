import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Locator, Page } from 'playwright-core'
import tap, { test } from 'tap'
import { endBrowser, visit } from '../support/browser/browser.ts'
import { listen, rose } from '../support/browser/services.ts'
import { until } from '../support/until.ts'

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

test('formulas are found by words of their name, and all of them page by page', async (t) => {
  const { url, store } = await listen(t)
  await store(...Array.from({ length: 60 }, (_, index) => `Filler ${index}`))
  await store('Iris Garden', 'IRIS noir', 'Sel de Mer')
  const { page, problems } = await visit(t, `${url}/#/formulas`)
  await page.getByText('50 formulas, and there are more').waitFor()
  t.equal(await page.getByRole('row').nth(1).getByRole('rowheader').textContent(), 'Sel de Mer', 'the newest first')
  await page.getByRole('button', { name: 'Show older ones' }).click()
  await page.getByText('63 formulas').waitFor()
  t.equal(await page.getByRole('button', { name: 'Show older ones' }).count(), 0)
  await page.getByLabel('Words or id').fill('iris')
  await page.getByText('2 formulas').waitFor()
  t.same(await page.getByRole('rowheader').allTextContents(), ['IRIS noir', 'Iris Garden'])
  t.match(page.url(), /#\/formulas\?q=iris$/, 'the address leads back to it')
  await page.getByLabel('Words or id').fill('nobody')
  await page.getByText('No formula matches everything that you search for.').waitFor()
  t.same(problems, [])
})

test('the address says what is searched for, whichever way it was reached', async (t) => {
  const { url, store } = await listen(t)
  await store('Amber Garden', 'Velvet Iris')
  const { page, problems } = await visit(t, `${url}/#/formulas`)
  const field = page.getByLabel('Words or id')
  await field.fill('velvet')
  await page.getByText('1 formula', { exact: true }).waitFor()
  await page.getByRole('link', { name: 'Formulas' }).click()
  await page.getByText('2 formulas').waitFor()
  t.equal(await field.inputValue(), '')
  await page.evaluate("location.hash = '#/formulas?q=amber'")
  await page.getByText('1 formula', { exact: true }).waitFor()
  t.equal(await field.inputValue(), 'amber')
  t.same(problems, [])
})

/** Answers searches with no formula on the first page, and one on the next. @returns the queries that were sent */
async function answerSearches(page: Page): Promise<URLSearchParams[]> {
  const sent: URLSearchParams[] = []
  await page.route(/\/formulas\?.*(q|material|submittedBy|from|to)=/, (route) => {
    const query = new URL(route.request().url()).searchParams
    sent.push(query)
    const found = { id: ROSE, name: 'Rose Garden', materials: rose(0), createdAt: '2026-01-31T12:00:00.000Z' }
    const isNext = query.has('cursor')
    return route.fulfill({ json: { formulas: isNext ? [found] : [], nextCursor: isNext ? null : 'older' } })
  })
  return sent
}

const ROSE = 'e'.repeat(64)

test('words, material, submitter and time of a search stand in the address, and survive a reload', async (t) => {
  const { url } = await listen(t)
  const { page, problems } = await visit(t, `${url}/#/formulas`, { timezoneId: 'Asia/Kolkata' })
  const sent = await answerSearches(page)
  await page.getByLabel('Words or id').fill('fougere garden')
  await page.getByText('By material, submitter, time or parent').click()
  await page.getByLabel('Contains the material').fill('Iso E Super')
  await page.getByLabel('Submitted by').fill('lab')
  await page.getByLabel('Accepted from').fill('2026-01-31T13:00')
  await page.getByText('No match among the newest formulas.').waitFor()
  const expected = {
    q: 'fougere garden',
    material: 'Iso E Super',
    submittedBy: 'lab',
    from: '2026-01-31T07:30:00.000Z',
  }
  await page.waitForURL((address) => address.hash.includes('from='))
  await until(async () => sent.at(-1)?.has('from') ?? false)
  t.same(Object.fromEntries(sent.at(-1) ?? []), expected)
  await page.reload()
  await page.getByRole('button', { name: 'Search older ones' }).click()
  await page.getByRole('link', { name: 'Rose Garden' }).waitFor()
  t.same(Object.fromEntries(sent.at(-1) ?? []), { ...expected, cursor: 'older' })
  t.equal(await page.getByLabel('Contains the material').inputValue(), 'Iso E Super')
  t.equal(await page.getByLabel('Accepted from').inputValue(), '2026-01-31T13:00', 'by the clock of the operator')
  await page.getByRole('link', { name: 'Formulas' }).click()
  await page.getByRole('heading', { name: 'Nothing stored yet' }).waitFor()
  t.equal(await page.getByLabel('Words or id').inputValue(), '')
  t.equal(await page.getByLabel('Submitted by').inputValue(), '')
  t.same(problems, [])
})

test('a list says how old it is, that it has changed, and is asked for again', async (t) => {
  const { url, store } = await listen(t)
  await store('Rose Garden')
  const { page } = await visit(t, `${url}/#/formulas`)
  await page.getByText(/^As of \d\d:\d\d:\d\d$/).waitFor()
  await store('Velvet Iris')
  await page.getByText('1 formula; the list has changed since').waitFor()
  await page.getByRole('button', { name: 'Refresh' }).click()
  await page.getByText('2 formulas').waitFor()
})

test('before the first formula the page says what will be there, and how to submit one', async (t) => {
  const { url } = await listen(t)
  const { page } = await visit(t, `${url}/#/formulas`)
  await page.getByRole('heading', { name: 'Nothing stored yet' }).waitFor()
  await page.getByRole('link', { name: 'submit one by hand' }).click()
  await page.getByRole('heading', { name: 'Submit a formula' }).waitFor()
  await page.goBack()
  await promisify(execFile)('sh', ['-c', (await page.locator('pre').textContent()) ?? ''])
  const { formulas } = (await (await fetch(`${url}/formulas`)).json()) as { formulas: unknown[] }
  t.match(formulas, [{ name: 'Rose Garden' }], 'the command that it shows stores one')
  await page.getByRole('link', { name: 'Rose Garden' }).waitFor()
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
  await page.goto(`${url}/#/formulas?q=${encodeURIComponent('"><img src=x onerror=globalThis.harmed=true>')}`)
  await page.getByText('No formula matches everything that you search for.').waitFor()
  t.equal(await page.evaluate('globalThis.harmed'), undefined)
  t.equal(await page.locator('main img, main script').count(), 0)
  t.same(problems, [])
})
