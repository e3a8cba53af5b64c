/**
 * runtime: memory for bytes that come and go by the megabyte, used again when its last holder has let go. Fresh memory for each costs more than
 * to fill it: pages must be made, and V8 collects all its garbage for every few dozen megabytes (docs/adr/0002-memory-used-again.md).
 *
 *     take ──▶ 1 holder ── retain, release … ──▶ 0 holders ──▶ back in the pool
 *
 * Who never lets go leaves the slab to the garbage collector: that costs memory once, and harms nobody. Who lets go and looks again finds
 * the bytes of somebody else.
 */

const slabs = new WeakMap<ArrayBufferLike, Slab>()

/** A piece of memory that several may hold. */
export class Slab {
  readonly buffer: Buffer
  readonly pool: SlabPool
  #holders = 1

  constructor(pool: SlabPool) {
    this.buffer = Buffer.allocUnsafeSlow(pool.slabBytes)
    this.pool = pool
    slabs.set(this.buffer.buffer, this)
  }

  retain(): void {
    if (this.#holders === 0) throw new Error('a slab was retained that nobody holds')
    this.#holders += 1
  }

  release(): void {
    if (this.#holders === 0) throw new Error('a slab was released that nobody holds')
    this.#holders -= 1
    if (this.#holders === 0) this.pool.takeBack(this)
  }

  /** Of the pool: somebody has it again. */
  reuse(): this {
    this.#holders = 1
    return this
  }
}

/** How often a pool looks at how many idle slabs it could do without, unless told. */
const usualLookIntervalMs = 2000
/** How often somebody looks after the pools that all share. */
const sharedLookIntervalMs = 500
let nextSharedLookMs = 0

export class SlabPool {
  readonly slabBytes: number
  readonly #maxIdle: number
  readonly #lookIntervalMs: number
  readonly #idle: Slab[] = []
  #lookedAtMs = performance.now()
  /** Idle ones that nobody has needed since the last look. */
  #unused = 0

  /** What nobody has needed for twice `lookIntervalMs` goes, when something comes back to this pool or, for those that all share, to any. */
  constructor(slabBytes: number, maxIdle: number, lookIntervalMs: number = usualLookIntervalMs) {
    this.slabBytes = slabBytes
    this.#maxIdle = maxIdle
    this.#lookIntervalMs = lookIntervalMs
  }

  /** Whoever takes it holds it. */
  take(): Slab {
    const idle = this.#idle.pop()
    this.#unused = Math.min(this.#unused, this.#idle.length)
    return idle?.reuse() ?? new Slab(this)
  }

  /** From its last holder. */
  takeBack(slab: Slab): void {
    if (this.#idle.length < this.#maxIdle) this.#idle.push(slab)
    const nowMs = performance.now()
    this.lookIfDue(nowMs)
    if (nowMs >= nextSharedLookMs) lookAtSharedPools(nowMs)
  }

  /** Drops what nobody has needed since the last look, if that is long enough ago. */
  lookIfDue(nowMs: number): void {
    if (nowMs - this.#lookedAtMs < this.#lookIntervalMs) return
    this.#lookedAtMs = nowMs
    this.#idle.splice(0, this.#unused)
    this.#unused = this.#idle.length
  }

  /** All idle ones. */
  forgetIdle(): void {
    this.#idle.length = 0
    this.#unused = 0
  }
}

/** Copies of small things, one behind the other in slabs that it fills. */
export class SlabFiller {
  readonly #pool: SlabPool
  #slab: Slab | undefined
  #used = 0

  constructor(pool: SlabPool) {
    this.#pool = pool
  }

  /** A copy of `bytes`, no more of them than a slab has. Whoever keeps it holds its slab before anything else is copied. */
  copy(bytes: Buffer): Buffer {
    const { length } = bytes
    if (this.#slab === undefined || this.#used + length > this.#pool.slabBytes) {
      this.#slab?.release()
      this.#slab = this.#pool.take()
      this.#used = 0
    }
    const copy = this.#slab.buffer.subarray(this.#used, this.#used + length)
    bytes.copy(copy)
    this.#used += length
    return copy
  }
}

/** What a producer sends at a time, as a rule, several times over. */
export const smallSlabs = new SlabPool(256 * 1024, 128)
/** max.message.bytes and the usual max.partition.fetch.bytes, and some room for what is around them. Readers come back after a while. */
export const largeSlabs = new SlabPool(1024 * 1024 + 64 * 1024, 48, 30_000)
/** Small things of many connections, one behind the other. */
export const sharedSlabs = new SlabPool(64 * 1024, 64)

const sharedPools = [smallSlabs, largeSlabs, sharedSlabs]

/** A broker has closed: whoever goes on in this process gets the memory back. Slabs that are in use come back as before. */
export function forgetIdleSlabs(): void {
  for (const pool of sharedPools) pool.forgetIdle()
}

/** Nothing may come back to a pool any more whose load is over: those of others see to it. */
function lookAtSharedPools(nowMs: number): void {
  nextSharedLookMs = nowMs + sharedLookIntervalMs
  for (const pool of sharedPools) pool.lookIfDue(nowMs)
}

/** The slab that `bytes` lie in; undefined for memory of their own. */
export function slabOf(bytes: Buffer): Slab | undefined {
  return slabs.get(bytes.buffer)
}

/** Holds the slabs that `parts` lie in until the returned function is called, for the first time; undefined when there are none. */
export function holdSlabsOf(parts: readonly Buffer[]): (() => void) | undefined {
  const held: Slab[] = []
  for (const part of parts) {
    const slab = slabOf(part)
    slab?.retain()
    if (slab !== undefined) held.push(slab)
  }
  if (held.length === 0) return undefined
  return () => {
    for (const slab of held.splice(0)) slab.release()
  }
}

/** `bytes`, or a copy of it where it lies in memory that is used again. */
export function outOfSlab(bytes: Buffer): Buffer {
  const slab = slabOf(bytes)
  if (slab === undefined) return bytes
  const copy = Buffer.from(bytes)
  slab.release()
  return copy
}

/** `bytes`, or a copy of it where it would keep much more memory alive. */
export function ownBytes(bytes: Buffer): Buffer {
  if (slabOf(bytes) !== undefined) return outOfSlab(bytes)
  return bytes.length * 4 < bytes.buffer.byteLength ? Buffer.from(bytes) : bytes
}
