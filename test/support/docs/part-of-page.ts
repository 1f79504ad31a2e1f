import type { RouteOptions } from 'fastify'

/** Whether a route only serves a part of a web page: the docs describe it with the page, not by itself. */
export const isPartOfPage = ({ url, schema }: RouteOptions): boolean =>
  schema?.hide === true && url.split('/').length > 2
