import { importCommand } from '../bulk/import-command.ts'
import { codeOf } from './run-command.ts'

process.exitCode = await codeOf(importCommand)
