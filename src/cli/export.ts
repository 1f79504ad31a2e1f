import { exportCommand } from '../bulk/export.ts'
import { codeOf } from './run-command.ts'

process.exitCode = await codeOf(exportCommand)
