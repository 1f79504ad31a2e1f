import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { test } from 'tap'
import { showProgress } from '../../src/cli/progress.ts'

/** The progress shown for a half-done import. */
async function shown(isTTY: boolean, total: number | null): Promise<string> {
  const output = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY, columns: 80 })
  const looks = new PassThrough()
  let left = 3
  const look = () => {
    if (--left === 0) looks.end()
    return { done: 50, text: '7 added' }
  }
  const progress = showProgress(output as unknown as NodeJS.WriteStream, total, look, 1)
  await once(looks.resume(), 'end')
  progress.clear()
  progress.end()
  output.end()
  return (await output.toArray()).join('')
}

test('a terminal shows a progress bar, or only counts if the total is unknown', async (t) => {
  t.match(await shown(true, 200), /\[=+-+\] 25% .*7 added/)
  t.notMatch(await shown(true, null), /%/)
  t.match(await shown(true, null), /7 added/)
})

test('without a terminal, progress is plain lines', async (t) => {
  t.match(await shown(false, 200), /^(25% 7 added\n)+$/)
  t.match(await shown(false, null), /^(7 added\n)+$/)
})
