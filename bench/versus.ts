import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { cases } from './cases.ts'
import { type Contender, sqlite } from './contender.ts'
import { compareInTurns } from './in-turns.ts'
import { say } from './print.ts'

// node bench/versus.ts <folder> [--rounds 15] [--seconds 2] [--only single,list]
// This version beside another, which is installed in a folder of its own (a worktree, say), in turns. Each is the first
// once: on a busy machine the one that is started later may fare better by some hundredths.

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
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
  script: pathToFileURL(resolve(folder, 'src/server.ts')),
}
const own: Contender = { ...sqlite, name: 'this version' }
const extent = { rounds: Number(values.rounds), seconds: Number(values.seconds), warmUpSeconds: 2 }
const wanted = values.only.split(',')
// Ends the contenders as well, and removes their files.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
for (const subject of cases.filter(({ name }) => wanted.includes(name))) {
  say(`\n${subject.title}`)
  await compareInTurns(subject, [other, own], { extent })
  await compareInTurns(subject, [own, other], { extent })
}
