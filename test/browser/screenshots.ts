import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { launch } from '../support/browser/browser.ts'
import { call, post } from '../support/service-process.ts'

/** Takes the pictures of docs/console.md, of a service with some minutes of work behind it. */

const FOLDER = join(import.meta.dirname, '../../docs/images')
const LOAD_MS = 120_000

const HOUSE = ['Rose Garden', 'Vetiver Noir', 'Sel de Mer', 'Orris & Smoke', 'Fougère Royale', 'Neroli at Dawn']

const ROSE_GARDEN = [
  { name: 'Hedione', concentration: '22.125' },
  { name: 'Iso E Super', concentration: '18' },
  { name: 'Rose Absolute', concentration: '12.5' },
  { name: 'Vetiver Haiti', concentration: '7' },
  { name: 'Linalool', concentration: '3.25' },
  { name: 'Ambroxan', concentration: '0.004' },
]

const REASON = 'The ERP has no article number for Vetiver Haiti'

const pause = (ms: number): Promise<void> => setTimeout(ms)

/** Submits new formulas and some replays, duplicates and invalid formulas, in waves. */
async function submitters(url: string, end: number): Promise<void> {
  for (let number = 1; Date.now() < end; number++) {
    const name = `${HOUSE[number % HOUSE.length]} ${number}`
    const body = { name, materials: [{ name: 'Linalool', concentration: number }] }
    const sent = [post(url, `new-${number}`, body)]
    if (number % 6 === 0) sent.push(post(url, `new-${number - 5}`, { ...body, materials: [] }))
    if (number % 4 === 0) sent.push(sent[0]?.then(() => post(url, `new-${number}`, body)) as Promise<Response>)
    if (number % 9 === 0) sent.push(post(url, `known-${number}`, { name, materials: ROSE_GARDEN }))
    await Promise.all(sent)
    await pause(12 + 9 * Math.sin(Date.now() / 9_000))
  }
}

/** Works on the events of a subscription, slower at times, and gives a few of them back. */
async function consumer(url: string, subscription: string, end: number): Promise<void> {
  for (let round = 1; Date.now() < end; round++) {
    const { events } = await call<{ events: { receipt: string }[] }>(url, '/events/receive', { subscription, max: 40 })
    await pause(280 + 260 * Math.sin(Date.now() / 7_000))
    const receipts = events.map(({ receipt }) => receipt)
    const nacked = round % 40 === 0 ? receipts.splice(0, 2) : []
    if (nacked.length > 0) await call(url, '/events/nack', { receipts: nacked, reason: REASON })
    if (receipts.length > 0) await call(url, '/events/ack', { receipts })
  }
}

async function open(browser: Browser, url: string, options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1200, height: 945 },
    reducedMotion: 'reduce',
    ...options,
  })
  const page = await context.newPage()
  await page.goto(url)
  return page
}

async function shoot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(FOLDER, `console-${name}.png`) })
  await page.context().close()
}

async function derive(browser: Browser, url: string): Promise<void> {
  const page = await open(browser, url, { viewport: { width: 1200, height: 1400 } })
  await page.getByRole('button', { name: 'Add a change' }).click()
  const [grown, gone] = ['Change 1', 'Change 2'].map((name) => page.getByRole('group', { name }))
  await grown?.getByLabel('Material').fill('Rose Absolute')
  await grown?.getByLabel('Amount').fill('2.5')
  await gone?.getByLabel('Material').fill('Linalool')
  await gone?.getByLabel('Operation').selectOption('remove')
  await page.getByLabel('Name of the new formula').fill('Rose Garden, winter')
  await shoot(page, 'derive')
}

async function take(url: string, browser: Browser): Promise<void> {
  const first = await post(url, 'first', { name: 'Rose Garden', materials: ROSE_GARDEN })
  const { formulas } = (await first.json()) as { formulas: [{ id: string }] }
  await fetch(`${url}/subscriptions/erp`, { method: 'PUT' })
  const overview = await open(browser, url, {})
  const end = Date.now() + LOAD_MS
  const load = [submitters(url, end), consumer(url, 'default', end), consumer(url, 'erp', end - 3_000)]
  await pause(LOAD_MS - 1_000)
  await shoot(overview, 'overview')
  await Promise.all(load)

  const formula = await open(browser, `${url}/#/formulas/${formulas[0].id}`, {
    colorScheme: 'dark',
    viewport: { width: 1200, height: 760 },
  })
  await formula.getByRole('table').first().waitFor()
  await formula.getByText('answers').last().waitFor()
  await shoot(formula, 'formula')
  await derive(browser, `${url}/#/formulas/${formulas[0].id}?derive`)

  const letters = await open(browser, `${url}/#/dead-letters?subscription=erp`, {
    viewport: { width: 1200, height: 720 },
  })
  await letters.getByRole('checkbox').nth(1).check()
  await letters.getByRole('checkbox').nth(3).check()
  await shoot(letters, 'dead-letters')

  await call(url, '/events/receive', { subscription: 'erp', max: 3, leaseSeconds: 600 })
  const subscription = await open(browser, `${url}/#/subscriptions/erp?state=leased`, {
    viewport: { width: 1200, height: 1320 },
  })
  await subscription.getByLabel('Time', { exact: true }).fill('2026-01-31T13:00')
  await shoot(subscription, 'subscription')

  const phone = await open(browser, `${url}/#/submit`, {
    viewport: { width: 390, height: 1440 },
    deviceScaleFactor: 2,
    colorScheme: 'dark',
  })
  await phone.getByLabel('Name of the formula').fill('Rose Garden, winter')
  await phone.getByLabel('Material 1', { exact: true }).last().fill('Rose Absolute')
  await phone.getByLabel('Concentration').first().fill('twelve')
  await phone.getByLabel('Material 2', { exact: true }).last().fill('Linalool')
  await phone.getByLabel('Concentration').last().fill('3.25')
  await phone.getByRole('button', { name: 'Submit the formula' }).click()
  await phone.locator('.error').first().waitFor()
  await shoot(phone, 'phone')
}

const data = mkdtempSync(join(tmpdir(), 'console-'))
mkdirSync(FOLDER, { recursive: true })
const app = buildApp(readConfig({ DATABASE_URL: `sqlite:${join(data, 'formulas.db')}`, EVENT_MAX_RECEIVES: '1' }))
const browser = await launch()
try {
  await take(await app.listen({ port: 0 }), browser)
} finally {
  await browser.close()
  await app.close()
  rmSync(data, { recursive: true })
}
