/** cluster: lists of which each partition has several and a cluster few: equal ones are one array, and an answer about all partitions reads fewer. */

/** So that those of old reassignments do not stay. */
const mostLists = 1000

export class SharedLists<T extends string | number> {
  readonly #lists = new Map<string, readonly T[]>()

  /** An equal list, which nobody may change. */
  of(list: readonly T[]): readonly T[] {
    const key = list.join()
    const known = this.#lists.get(key)
    if (known !== undefined) return known
    if (this.#lists.size >= mostLists) this.#lists.clear()
    this.#lists.set(key, list)
    return list
  }
}

export const brokerLists = new SharedLists<number>()
export const directoryLists = new SharedLists<string>()
