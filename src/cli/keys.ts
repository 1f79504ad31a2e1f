import { KeyFileRefused } from '../access/key-file.ts'
import { CommandRefused, runKeysCommand, USAGE } from '../access/keys-command.ts'
import { runCommand } from './run-command.ts'

process.exitCode = await runCommand({
  usage: USAGE,
  expected: [KeyFileRefused, CommandRefused],
  run({ args, env, stdout, stderr }) {
    const { output, note } = runKeysCommand(args, env.API_KEYS_FILE, new Date())
    if (note !== '') stderr.write(`${note}\n`)
    stdout.write(`${output}\n`)
    return undefined
  },
})
