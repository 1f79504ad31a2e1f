import { registerHooks } from 'node:module'

/** Modules that tap loads in every process and thread, and their replacements. */
const REPLACED: Record<string, string> = {
  // Records loaded modules for the coverage report, which is off.
  '/@tapjs/processinfo/dist/esm/import.mjs': 'data:text/javascript,',
  // Follows every promise, to find the test that an uncaught error belongs to.
  'async-hook-domain': new URL('whole-file.ts', import.meta.url).href,
}

/** Preloaded in fast runs: both modules take longer than many tests. */
registerHooks({
  resolve(specifier, context, next) {
    const url = Object.entries(REPLACED).find(([name]) => specifier.endsWith(name))?.[1]
    return url === undefined ? next(specifier, context) : { url, shortCircuit: true }
  },
})
