import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { cases } from './cases.ts'
import { type Contender, sqlite, startOf } from './contender.ts'
import { compareInTurns } from './in-turns.ts'
import { say } from './print.ts'

// node bench/versus.ts <folder> [--starts 8] [--rounds 5] [--seconds 2] [--only single,list]
// This version beside another, which is installed in a folder of its own (a worktree, say), in turns.

const { values, positionals } = parseArgs({
  options: {
    starts: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string', default: 'single,list,replay,duplicate,consume-100' },
  },
  allowPositionals: true,
})
const [folder] = positionals
if (folder === undefined) throw new Error('Which folder holds the other version?')

const other: Contender = {
  ...sqlite,
  name: 'other',
  description: 'the other version',
  ...startOf(pathToFileURL(join(resolve(folder), '/'))),
}
const own: Contender = { ...sqlite, name: 'this version' }
const extent = { rounds: Number(values.rounds), seconds: Number(values.seconds), warmUpSeconds: 2 }
const wanted = values.only.split(',')
// Ends the contenders as well, and removes their files.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
for (const subject of cases.filter(({ name }) => wanted.includes(name))) {
  say(`\n${subject.title}`)
  await compareInTurns(subject, [other, own], { starts: Number(values.starts), extent })
}
