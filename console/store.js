import { useLayoutEffect, useState } from './vendor/htm-preact.js'

/**
 * A value that components watch.
 * @template T
 * @typedef {{ get(): T, set(value: T): void, watch(listener: () => void): () => void }} Store
 */

/**
 * @template T
 * @param {T} value the initial value
 * @returns {Store<T>}
 */
export function createStore(value) {
  /** @type {Set<() => void>} */
  const listeners = new Set()
  return {
    get: () => value,
    set(next) {
      value = next
      for (const listener of [...listeners]) listener()
    },
    watch(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

/**
 * The value of a store; the calling component renders again when it changes.
 * @template T
 * @param {Store<T>} store
 * @returns {T}
 */
export function useStore(store) {
  const [value, setValue] = useState(store.get)
  // In the layout phase: input before the next frame must not be lost.
  useLayoutEffect(() => {
    const take = () => setValue(() => store.get())
    // The store may have changed since the render.
    take()
    return store.watch(take)
  }, [store])
  return value
}
