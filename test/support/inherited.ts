/** What every process that a test starts is given of the environment: nothing that would make it another's. */
export function inherited(): Record<string, string> {
  const { PATH = '', NODE_V8_COVERAGE = '', NODE_COMPILE_CACHE = '' } = process.env
  return { PATH, NODE_V8_COVERAGE, NODE_COMPILE_CACHE }
}
