import packageJson from '../../package.json' with { type: 'json' }

/** What the document says of the service as a whole. */
export const about = {
  openapi: '3.1.0',
  info: {
    title: 'Fragrance formula intake',
    version: packageJson.version,
    summary: packageJson.description,
    description: [
      'Exactly-once intake of fragrance formulas, at-least-once delivery of their events.',
      'Every error has one shape, `ErrorAnswer`; programs go by its `code`. A path that is none is answered with 404 `ROUTE_NOT_FOUND`, another method with 405 `METHOD_NOT_ALLOWED`. What cannot be read as a request is answered with 400, 408, 417 or 431 on its connection, which ends then. `HEAD` works wherever `GET` does.',
      'Each answer to a request that could be read also carries `Content-Security-Policy`, `X-Content-Type-Options` and `X-Frame-Options`: no browser is to take it for a page.',
    ].join('\n\n'),
    license: { name: packageJson.license, identifier: packageJson.license },
  },
  tags: [
    { name: 'Formulas', description: 'Submit formulas and read them' },
    { name: 'Events', description: 'Lease "formula created" events, work on them, acknowledge them' },
    { name: 'Dead letters', description: 'Events whose last lease ended without an acknowledgement' },
    { name: 'Cleanups', description: 'Rollbacks that were interrupted and are still owed' },
    { name: 'Health', description: 'For whoever watches the process; needs no key' },
    { name: 'Metrics', description: 'What the service measures of itself' },
    { name: 'Document', description: 'This document' },
  ],
  components: {
    securitySchemes: {
      apiKey: {
        type: 'http' as const,
        scheme: 'bearer',
        description:
          'An API key, where the service has some (API_KEYS_FILE); else none is asked for. The scopes of an operation are alternatives; `admin` is allowed everything.',
      },
    },
  },
}

/** Where the service is, relative to where its document is read: a proxy may have both under a path of its own. */
export const server = { url: './', description: 'Where this document was read' }
