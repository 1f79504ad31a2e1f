/** The variables that test processes inherit: none that configures the service. */
export function inherited(): Record<string, string> {
  const { PATH = '', NODE_V8_COVERAGE = '', NODE_COMPILE_CACHE = '' } = process.env
  return { PATH, NODE_V8_COVERAGE, NODE_COMPILE_CACHE }
}
