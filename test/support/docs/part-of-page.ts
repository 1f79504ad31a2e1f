import type { RouteOptions } from 'fastify'

/** Whether a route is a part of a page that people open: it lies below the page's own, and is told with it. */
export const isPartOfPage = ({ url, schema }: RouteOptions): boolean =>
  schema?.hide === true && url.split('/').length > 2
