import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { caseNamed } from './cases.ts'
import { compare } from './compare.ts'
import { type Contender, sqlite, startOf } from './contender.ts'

// node bench/versus.ts <folder> [--starts 8] [--rounds 5] [--seconds 2] [--only single,list]
// Compares this version with another, which is installed in its own folder, such as a worktree.

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

const other: Contender = { ...sqlite, name: 'other', ...startOf(pathToFileURL(join(resolve(folder), '/'))) }
const own: Contender = { ...sqlite, name: 'this version' }
const extent = { rounds: Number(values.rounds), seconds: Number(values.seconds), warmUpSeconds: 2 }
for (const subject of values.only.split(',').map(caseNamed)) {
  await compare(subject, [other, own], { starts: Number(values.starts), extent })
}
