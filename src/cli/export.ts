import { exportCommand } from '../bulk/export.ts'
import { runCommand } from './run-command.ts'

process.exitCode = await runCommand(exportCommand)
