import type { Stores } from '../../../src/stores/ports.ts'

/** Has each call to a port made through `through`; hints are no calls. */
export function eachPort(stores: Stores, through: (call: () => Promise<unknown>) => Promise<unknown>): Stores {
  const port = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(_, name) {
        const method = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        if (name === 'onReady') return method.bind(target)
        return (...args: unknown[]) => through(() => method.apply(target, args))
      },
    })
  const { db, queue, idempotency, cleanups, intake } = stores
  return {
    ...stores,
    db: port(db),
    queue: port(queue),
    idempotency: port(idempotency),
    cleanups: port(cleanups),
    intake: intake === null ? null : port(intake),
  }
}
