/** runtime: runs tasks one after the other, or some at a time: what several rooms need to keep order. */

/** Where nothing is under way: one for all, since a broker has several such places for each partition. */
export const settled: Promise<void> = Promise.resolve()

/** A task starts when the one before it has settled. A failed task fails its own promise only. */
export class SerialQueue {
  #last: Promise<unknown> = settled
  #waiting = 0

  /** Tasks that have not settled yet. */
  get length(): number {
    return this.#waiting
  }

  run<T>(task: () => T | Promise<T>): Promise<T> {
    this.#waiting += 1
    const result = this.#last.then(task)
    this.#last = result.then(
      () => {
        this.#waiting -= 1
      },
      () => {
        this.#waiting -= 1
      },
    )
    return result
  }

  /** Resolves when everything queued so far has settled. */
  async idle(): Promise<void> {
    await this.#last
  }
}

/** At most `limit` tasks at a time, in the order of their call. */
export class LimitedQueue {
  readonly #limit: number
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  async run<T>(task: () => T | Promise<T>): Promise<T> {
    if (this.#running >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running += 1
    try {
      return await task()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running -= 1
      else next()
    }
  }
}

/** Calls `task` for each item, at most `limit` at a time; rejects with the first failure, after all that had started settled. */
export async function forEachLimited<T>(
  items: Iterable<T>,
  limit: number,
  task: (item: T) => Promise<unknown>,
): Promise<void> {
  const remaining = items[Symbol.iterator]()
  let failure: { error: unknown } | undefined
  const worker = async (): Promise<void> => {
    for (let next = remaining.next(); next.done !== true && failure === undefined; next = remaining.next()) {
      try {
        await task(next.value)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: limit }, worker))
  if (failure !== undefined) throw failure.error
}
