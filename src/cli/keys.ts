import { KeyFileRefused } from '../access/key-file.ts'
import { CommandRefused, runKeysCommand } from '../access/keys-command.ts'
import { runCommand } from './run-command.ts'

await runCommand(() => {
  const { output, note } = runKeysCommand(process.argv.slice(2), process.env.API_KEYS_FILE, new Date())
  if (note !== '') process.stderr.write(`${note}\n`)
  process.stdout.write(`${output}\n`)
  return undefined
}, [KeyFileRefused, CommandRefused])
