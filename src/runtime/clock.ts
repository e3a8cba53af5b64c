/** runtime: the clock that every room is handed, the real one and the simulated one. */

/** Takes back what `after` promised; calling it twice, or after the run, does nothing. */
export type Cancel = () => void

export interface Clock {
  /** Wall time in milliseconds since 1970. */
  now(): number
  /** Milliseconds from an arbitrary start, never going back; with fractions. */
  monotonicMs(): number
  /** Runs `run` once, `delayMs` from now; such a timer does not keep the process alive. */
  after(delayMs: number, run: () => void): Cancel
}

/** `2026-11-20T20:36:22.476Z`; undefined beyond what a Date can hold. */
export function isoTime(ms: number): string | undefined {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}

/** For libraries that take a Date. */
export function dateOf(ms: number): Date {
  return new Date(ms)
}

/** setTimeout fires at once for anything longer, so longer delays are taken in steps. */
const longestTimerMs = 2 ** 31 - 1

export const realClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    let timer: NodeJS.Timeout
    const start = (remainingMs: number): void => {
      const stepMs = Math.min(remainingMs, longestTimerMs)
      timer = setTimeout(() => (remainingMs > stepMs ? start(remainingMs - stepMs) : run()), stepMs)
      timer.unref()
    }
    start(Math.max(0, delayMs))
    return () => clearTimeout(timer)
  },
}

/** Tells at each call what share of the time since the last one this thread's event loop has had nothing to do; 0 to 1. */
export function idleShareSince(): () => number {
  let last = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, last)
    last = now
    return 1 - utilization
  }
}

/** Time that stands still until `advance` moves it; timers run in order of their due time, then of their creation. */
export class SimulatedClock implements Clock {
  #nowMs: number
  readonly #startMs: number
  #timers: { dueMs: number; run: () => void }[] = []

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs
    this.#startMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs
  }

  after(delayMs: number, run: () => void): Cancel {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), run }
    this.#timers.push(timer)
    return () => {
      const index = this.#timers.indexOf(timer)
      if (index >= 0) this.#timers.splice(index, 1)
    }
  }

  /** When the next timer is due, in wall milliseconds; undefined when none waits. */
  nextDueMs(): number | undefined {
    return this.#next()?.dueMs
  }

  /** Moves time by `byMs`; before each timer and at the end it lets pending promises run. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs
    await settle()
    for (let timer = this.#next(); timer !== undefined && timer.dueMs <= untilMs; timer = this.#next()) {
      this.#timers.splice(this.#timers.indexOf(timer), 1)
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
      timer.run()
      await settle()
    }
    this.#nowMs = untilMs
  }

  #next(): { dueMs: number; run: () => void } | undefined {
    let next: { dueMs: number; run: () => void } | undefined
    for (const timer of this.#timers) if (next === undefined || timer.dueMs < next.dueMs) next = timer
    return next
  }
}

/** Lets every promise that is already settled, and what follows from it, run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
