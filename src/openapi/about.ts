import packageJson from '../../package.json' with { type: 'json' }

/** The parts of the document that concern the service as a whole. */
export const about = {
  openapi: '3.1.0',
  info: {
    title: 'Fragrance formula intake',
    version: packageJson.version,
    summary: packageJson.description,
    description: [
      'Exactly-once intake of fragrance formulas, at-least-once delivery of their events.',
      'Every error has the shape `ErrorAnswer`, or `Problem` (RFC 9457) if `Accept` prefers `application/problem+json`; programs should use its `code`. Unknown paths are answered with 404 `ROUTE_NOT_FOUND`, other methods of a path with 405 `METHOD_NOT_ALLOWED`. Requests that cannot be parsed are answered with 400, 408, 417 or 431, and their connection is closed. `HEAD` works wherever `GET` does.',
      'All other answers also have `Content-Security-Policy`, `X-Content-Type-Options` and `X-Frame-Options`, so that browsers do not treat them as pages.',
    ].join('\n\n'),
    license: { name: packageJson.license, identifier: packageJson.license },
  },
  tags: [
    { name: 'Formulas', description: 'Submit formulas and read them' },
    { name: 'Events', description: 'Lease "formula created" events, process and acknowledge them' },
    { name: 'Subscriptions', description: 'Named readers of the events, each of which gets every event' },
    { name: 'Dead letters', description: 'Events whose last lease ended without an acknowledgement' },
    { name: 'Cleanups', description: 'Interrupted rollbacks and erasures that are still pending' },
    { name: 'Health', description: 'Probes; no key needed' },
    { name: 'Metrics', description: 'Metrics for Prometheus' },
    { name: 'Document', description: 'This document' },
  ],
  components: {
    securitySchemes: {
      apiKey: {
        type: 'http' as const,
        scheme: 'bearer',
        description:
          'An API key, required if API_KEYS_FILE is set. The security entries of an operation are alternatives; a key needs every scope of one of them. `admin` allows everything, and `consume:NAME` what `consume` does, for one subscription.',
      },
    },
  },
}

/** Relative to the document, because a proxy may serve both under some path. */
export const server = { url: './', description: 'The server of this document' }
