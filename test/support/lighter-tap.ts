import { registerHooks } from 'node:module'

/** What tap does in every process and thread of a run, and what is loaded in its place. */
const REPLACED: Record<string, string> = {
  // Writes down what each loads, for the report of coverage, which is not made.
  '/@tapjs/processinfo/dist/esm/import.mjs': 'data:text/javascript,',
  // Follows every promise, to name the test that an error belongs to which nobody has caught.
  'async-hook-domain': new URL('whole-file.ts', import.meta.url).href,
}

/** Loaded before all else by a run that is to be fast: both take longer than many a test. */
registerHooks({
  resolve(specifier, context, next) {
    const url = Object.entries(REPLACED).find(([name]) => specifier.endsWith(name))?.[1]
    return url === undefined ? next(specifier, context) : { url, shortCircuit: true }
  },
})
