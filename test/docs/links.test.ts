import { existsSync, globSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { test } from 'tap'
import { pages, readPage, root } from '../support/docs/pages.ts'

const INDEX = 'docs/README.md'

/** The anchors that GitHub gives the headings of a page. */
function anchors(page: string): string[] {
  const headings = readPage(page).matchAll(/^#+ (.+)$/gm)
  return [...headings].map(([, text]) =>
    (text as string)
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}

for (const page of pages) {
  test(`${page}: every link leads somewhere`, async (t) => {
    for (const [, target = ''] of readPage(page).matchAll(/\]\(([^)]+)\)/g)) {
      if (/^https?:/.test(target)) continue
      const [path, anchor] = target.split('#', 2)
      const file = path ? join(dirname(page), path) : page
      t.ok(existsSync(join(root, file)), target)
      if (anchor) t.ok(anchors(file).includes(anchor), target)
    }
  })
}

test('the index lists every page, and the README leads to it', async (t) => {
  const index = readPage(INDEX)
  for (const page of pages) {
    if (page !== INDEX) t.ok(index.includes(`](${posix.relative('docs', page)})`), page)
  }
  t.ok(readPage('README.md').includes(`](${INDEX}`))
})

test('every file that a page names exists', async (t) => {
  const files = globSync('{src,plugins,routes,test,examples,client/src}/**/*.ts', { cwd: root })
  for (const page of pages) {
    for (const [, path = ''] of readPage(page).matchAll(/`((?:[\w-]+\/)*[\w-]+\.ts)`/g)) {
      t.ok(
        files.some((file) => file === path || file.endsWith(`/${path}`)),
        `${page}: ${path}`,
      )
    }
    for (const [, path = ''] of readPage(page).matchAll(
      /`((?:src|plugins|routes|test|examples|client)(?:\/[\w-]+)*)\/?`/g,
    )) {
      t.ok(existsSync(join(root, path)), `${page}: ${path}`)
    }
  }
})
