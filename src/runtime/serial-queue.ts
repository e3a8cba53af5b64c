/** runtime: runs tasks one after the other, long ones over several turns of the event loop; what several rooms need to keep order. */

/** A task starts when the one before it has settled. A failed task fails its own promise only. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve()
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

/** Runs `run` when the sockets that are ready now have been read: what queued up in this turn can be done at once. */
export function atEndOfTurn(run: () => void): void {
  setImmediate(run)
}

/** Resolves in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Hears for how long the event loop works on something in the turns after the first. */
export interface TurnMeter {
  nowMs(): number
  add(ms: number): void
}

/** Of what is called now. */
let current: TurnMeter | undefined

/** Runs `run`; the further turns of what it begins are told to `meter`. Not those of what it begins after it has waited. */
export function metered<T>(meter: TurnMeter, run: () => T): T {
  const outer = current
  current = meter
  try {
    return run()
  } finally {
    current = outer
  }
}

/** Until `run` returns: what it waits for is not its own work. */
function measured<T>(meter: TurnMeter | undefined, run: () => T): T {
  if (meter === undefined) return run()
  const startMs = meter.nowMs()
  try {
    return metered(meter, run)
  } finally {
    meter.add(meter.nowMs() - startMs)
  }
}

/** What long lists are worked on at a time, before others have their turn: some milliseconds even where each item takes 20 µs. */
export const itemsPerTurn = 200

/** As Array.map, over as many turns of the event loop as it takes; `map` may be asynchronous itself. */
export async function mapInTurns<T, R>(
  items: readonly T[],
  map: (item: T, index: number) => R | Promise<R>,
  perTurn = itemsPerTurn,
): Promise<R[]> {
  const meter = current
  const results: R[] = []
  // Until it waits, its caller knows how long it takes.
  let hasWaited = false
  for (const [index, item] of items.entries()) {
    if (index > 0 && index % perTurn === 0) {
      await nextTurn()
      hasWaited = true
    }
    const result = hasWaited ? measured(meter, () => map(item, index)) : map(item, index)
    if (result instanceof Promise) {
      results.push(await result)
      hasWaited = true
    } else results.push(result)
  }
  return results
}

/** The same for what may overlap: each is started in its turn, none waits for another. Fails with the first failure. */
export async function startInTurns<T, R>(
  items: readonly T[],
  start: (item: T) => Promise<R>,
  perTurn = itemsPerTurn,
): Promise<R[]> {
  const meter = current
  const started: Promise<R>[] = []
  for (let index = 0; index < items.length; index += 1) {
    if (index > 0 && index % perTurn === 0) await nextTurn()
    const running = index < perTurn ? start(items[index]!) : measured(meter, () => start(items[index]!))
    if (items.length > perTurn) running.catch(() => {}) // it may fail before all are started; they fail with it then
    started.push(running)
  }
  return Promise.all(started)
}

/** Goes through `steps` to their end, one in each turn of the event loop, beginning with this one. At once where there is no second. */
export function inTurns<T>(steps: Generator<undefined, T>): T | Promise<T> {
  const { done, value } = steps.next()
  return done === true ? value : remainingInTurns(steps)
}

async function remainingInTurns<T>(steps: Generator<undefined, T>): Promise<T> {
  const meter = current
  for (;;) {
    await nextTurn()
    const { done, value } = measured(meter, () => steps.next())
    if (done === true) return value
  }
}
