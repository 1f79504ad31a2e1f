// The types of what the service gives under this name; see routes/console/index.ts.
export * from 'htm/preact/standalone'
