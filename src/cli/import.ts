import { importCommand } from '../bulk/import.ts'
import { codeOf } from './run-command.ts'

process.exitCode = await codeOf(importCommand)
