import { eraseCommand } from '../bulk/erase.ts'
import { runCommand } from './run-command.ts'

process.exitCode = await runCommand(eraseCommand)
