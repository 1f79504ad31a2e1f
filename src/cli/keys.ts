import { KeyFileRefused } from '../access/key-file.ts'
import { CommandRefused, runKeysCommand } from '../access/keys-command.ts'

try {
  const { output, note } = runKeysCommand(process.argv.slice(2), process.env.API_KEYS_FILE, new Date())
  if (note !== '') process.stderr.write(`${note}\n`)
  process.stdout.write(`${output}\n`)
} catch (error) {
  if (!(error instanceof KeyFileRefused || error instanceof CommandRefused)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
