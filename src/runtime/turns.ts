/** runtime: turns of the event loop: what is done at the end of one, and long work that goes over several, so that others have theirs. */

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
export function startInTurns<T, R>(
  items: readonly T[],
  start: (item: T) => R | Promise<R>,
  perTurn = itemsPerTurn,
): Promise<R[]> {
  if (items.length > perTurn) return startManyInTurns(items, start, perTurn)
  const started: (R | Promise<R>)[] = []
  for (const item of items) started.push(start(item))
  return Promise.all(started)
}

async function startManyInTurns<T, R>(
  items: readonly T[],
  start: (item: T) => R | Promise<R>,
  perTurn: number,
): Promise<R[]> {
  const meter = current
  const started: (R | Promise<R>)[] = []
  for (let index = 0; index < items.length; index += 1) {
    if (index > 0 && index % perTurn === 0) await nextTurn()
    const running = index < perTurn ? start(items[index]!) : measured(meter, () => start(items[index]!))
    if (running instanceof Promise) running.catch(() => {}) // it may fail before all are started; they fail with it then
    started.push(running)
  }
  return Promise.all(started)
}

/** Lets so many pass in each turn of the event loop; whoever comes later waits for the next. */
export class TurnLimit {
  readonly #perTurn: number
  #passed = 0
  /** Resolves when nobody has passed any more. */
  #turn: Promise<void> | undefined

  constructor(perTurn: number) {
    this.#perTurn = perTurn
  }

  async pass(): Promise<void> {
    while (this.#passed >= this.#perTurn) await this.#turn
    this.#passed += 1
    this.#turn ??= nextTurn().then(() => {
      this.#passed = 0
      this.#turn = undefined
    })
  }
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
