/** A planned failure: the call does not reach the store, its reply is lost, or it never returns. */
export type Fault = 'before' | 'after' | 'hang'

export interface Faulty<T> {
  /** The port with the planned failures. */
  port: T
  /** How often each method was called. */
  calls: Record<string, number>
  /** Lets the next `times` calls of a method fail. */
  fail(method: keyof T & string, fault?: Fault, times?: number): void
  /** Lets every method work again. */
  mend(): void
}

/** Wraps a real port; calls that are not planned to fail go through. */
export function faulty<T extends object>(real: T): Faulty<T> {
  const calls: Record<string, number> = {}
  const plan = new Map<string, { fault: Fault; times: number }>()
  const port = new Proxy(real, {
    get(target, property) {
      const method = Reflect.get(target, property)
      if (typeof method !== 'function') return method
      const name = String(property)
      return async (...args: unknown[]) => {
        calls[name] = (calls[name] ?? 0) + 1
        const planned = plan.get(name)
        if (planned === undefined || planned.times-- <= 0) return method.apply(target, args)
        if (planned.fault === 'hang') return new Promise(() => {})
        if (planned.fault === 'after') await method.apply(target, args)
        throw new Error(`${name} fails`)
      }
    },
  })
  return {
    port,
    calls,
    fail: (method, fault = 'before', times = Infinity) => plan.set(method, { fault, times }),
    mend: () => plan.clear(),
  }
}
