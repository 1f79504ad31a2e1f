import { runKeysCommand } from '../../src/access/keys-command.ts'

/** Creates a key as an operator does, and gives back its secret. */
export const newKey = (path: string, name: string, scope: string): string =>
  runKeysCommand(['create', '--name', name, '--scope', scope], path, new Date()).output
