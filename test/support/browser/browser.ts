import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'

/** The shell has no user interface, and takes half the time. */
const CANDIDATES = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium']
const EXECUTABLE = process.env.CHROMIUM ?? CANDIDATES.find(existsSync)

/** Starts headless Chromium. It resolves names under .test to this machine, as a foreign site's DNS could. */
export async function launch(): Promise<Browser> {
  if (EXECUTABLE === undefined || !existsSync(EXECUTABLE)) {
    throw new Error(
      `There is no Chromium at ${EXECUTABLE ?? CANDIDATES.join(' or ')}: install it (Debian: apt-get install chromium-headless-shell), or say in CHROMIUM where one is`,
    )
  }
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--host-resolver-rules=MAP *.test 127.0.0.1',
  ]
  return chromium.launch({ executablePath: EXECUTABLE, args })
}

/** A page of a browser, and what went wrong on it. */
export interface Visit {
  page: Page
  /** Errors of scripts, and what the browser refused by the page's policy. */
  problems: string[]
}

let browser: Promise<Browser> | undefined

/** Opens the console in a browser that remembers nothing; it ends with the test. */
export async function visit(t: Test, url: string, options: BrowserContextOptions = {}): Promise<Visit> {
  browser ??= launch()
  const context = await (await browser).newContext({ viewport: { width: 1280, height: 900 }, ...options })
  context.setDefaultTimeout(20_000)
  t.teardown(() => context.close())
  const page = await context.newPage()
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(String(error)))
  page.on('console', (message) => {
    // An error status of the service is an answer that the page shows.
    const isAnswer = message.text().startsWith('Failed to load resource')
    if (['error', 'warning'].includes(message.type()) && !isAnswer) problems.push(message.text())
  })
  await page.goto(url)
  return { page, problems }
}

/** Delays what a page does after painting, as on a slow machine. */
export const paintLate = (page: Page): Promise<unknown> =>
  page.addInitScript(`const { setTimeout } = globalThis
    globalThis.requestAnimationFrame = (draw) => setTimeout(draw, 2_000)
    globalThis.setTimeout = (run, ms, ...rest) => setTimeout(run, ms < 100 ? 2_000 : ms, ...rest)`)

/** Lets time pass on the pages that follow only when the test says so. */
export async function stopClock(page: Page): Promise<void> {
  await page.clock.install()
  // So far ahead that it is not yet past when the page is told.
  await page.clock.pauseAt(Date.now() + 60_000)
}

/** Holds the requests of this method to a path until the test lets them go. @returns what lets them go */
export async function hold(page: Page, method: string, path: string): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  await page.route(path, async (route) => {
    if (route.request().method() === method) await promise
    await route.fallback()
  })
  return resolve
}

/** Ends the browser, when a file's tests are over. */
export async function endBrowser(): Promise<void> {
  await (await browser)?.close()
}
