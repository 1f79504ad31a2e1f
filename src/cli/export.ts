import { exportCommand } from '../bulk/export-command.ts'
import { codeOf } from './run-command.ts'

process.exitCode = await codeOf(exportCommand)
