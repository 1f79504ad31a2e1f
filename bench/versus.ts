import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { caseNamed } from './cases.ts'
import { compare } from './compare.ts'
import { type Contender, sqlite, startOf } from './contender.ts'
import { say } from './print.ts'

// node bench/versus.ts <folder> [--starts 8] [--rounds 5] [--seconds 2] [--only single,list]
// Compares this version with another, which is installed in its own folder, such as a worktree.

const { values, positionals } = parseArgs({
  options: {
    starts: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string', default: 'single,connections,list,replay,duplicate,reads,consume-100' },
  },
  allowPositionals: true,
})
const [folder] = positionals
if (folder === undefined) throw new Error('Which folder holds the other version?')

const start = startOf(pathToFileURL(join(resolve(folder), '/')))
const extent = { rounds: Number(values.rounds), seconds: Number(values.seconds), warmUpSeconds: 2 }
for (const subject of values.only.split(',').map(caseNamed)) {
  for (const contender of subject.contenders.filter(({ stores }) => stores)) {
    const other: Contender = { ...contender, ...start, name: 'other' }
    const own: Contender = { ...contender, name: 'this version' }
    if (contender.name !== sqlite.name) say(`\n${contender.name}:`)
    await compare(subject, [other, own], { starts: Number(values.starts), extent })
  }
}
