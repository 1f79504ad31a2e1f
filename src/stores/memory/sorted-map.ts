import btree from 'sorted-btree'

/** A map in the order of its keys; every step takes O(log n). The package is CommonJS, hence its class is `.default`. */
export class SortedMap<K, V> extends btree.default<K, V> {
  /** Removes and returns the value under `key`. */
  take(key: K): V | undefined {
    const value = this.get(key)
    this.delete(key)
    return value
  }
}
