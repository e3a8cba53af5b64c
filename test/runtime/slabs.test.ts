import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { holdSlabsOf, SlabPool, slabOf, smallSlabs } from '../../src/runtime/slabs.ts'

describe('a slab', () => {
  it('is used again once its last holder has let go', () => {
    const pool = new SlabPool(1000, 4)
    const slab = pool.take()
    slab.retain()
    slab.release()
    expect(pool.take()).not.toBe(slab)
    slab.release()
    expect(pool.take()).toBe(slab)
  })

  it('is found by any view of it', () => {
    const slab = new SlabPool(1000, 4).take()
    expect(slabOf(slab.buffer.subarray(10, 20))).toBe(slab)
    expect(slabOf(Buffer.alloc(10))).toBeUndefined()
  })

  it('can not be held or given back by somebody who does not hold it', () => {
    const slab = new SlabPool(1000, 4).take()
    slab.release()
    expect(() => slab.release()).toThrow('nobody holds')
    expect(() => slab.retain()).toThrow('nobody holds')
  })

  it('is left to the garbage collector when enough are idle', () => {
    const pool = new SlabPool(1000, 1)
    const slabs = [pool.take(), pool.take()]
    for (const slab of slabs) slab.release()
    expect(pool.take()).toBe(slabs[0])
    expect(slabs).not.toContain(pool.take())
  })
})

describe('a pool', () => {
  const lookIntervalMs = 2000
  const take = (pool: SlabPool, count: number) => Array.from({ length: count }, () => pool.take())
  const use = (pool: SlabPool, count: number) => {
    const slabs = take(pool, count)
    for (const slab of slabs) slab.release()
    return slabs
  }

  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('forgets the slabs that only a burst has needed', () => {
    const pool = new SlabPool(1000, 20)
    const burst = use(pool, 10)
    for (let look = 0; look < 2; look += 1) {
      use(pool, 3)
      vi.advanceTimersByTime(lookIntervalMs)
    }
    use(pool, 3)
    expect(take(pool, 10).filter((slab) => burst.includes(slab))).toHaveLength(3)
  })

  it('keeps what is needed again and again', () => {
    const pool = new SlabPool(1000, 20)
    const known = new Set<unknown>()
    for (let round = 0; round < 200; round += 1) {
      for (const slab of use(pool, round % 10 === 0 ? 8 : 2)) known.add(slab)
      vi.advanceTimersByTime(lookIntervalMs / 11)
    }
    expect(known.size).toBe(8)
  })

  it.each([
    ['two seconds', undefined, lookIntervalMs],
    ['as long as it is told', 30_000, 30_000],
  ])('has none that nobody has needed for twice %s', (_for, given, intervalMs) => {
    const pool = new SlabPool(1000, 20, given)
    const burst = use(pool, 5)
    for (let look = 0; look < 2; look += 1) {
      vi.advanceTimersByTime(intervalMs)
      use(pool, 1)
    }
    expect(take(pool, 5).filter((slab) => burst.includes(slab))).toHaveLength(1)
  })

  it('that all share is looked after when slabs come back to another', () => {
    vi.advanceTimersByTime(1_000_000) // later than its looks in other tests
    const burst = use(smallSlabs, 5)
    const pool = new SlabPool(1000, 20)
    for (let look = 0; look < 2; look += 1) {
      vi.advanceTimersByTime(lookIntervalMs)
      use(pool, 1)
    }
    expect(burst).not.toContain(smallSlabs.take())
  })
})

describe('holding the slabs of several buffers', () => {
  it('lasts until it is let go of, once', () => {
    const pool = new SlabPool(1000, 4)
    const slab = pool.take()
    const letGo = holdSlabsOf([slab.buffer.subarray(0, 10), Buffer.alloc(3), slab.buffer.subarray(10, 20)])!
    slab.release()
    expect(pool.take()).not.toBe(slab)
    letGo()
    letGo()
    expect(pool.take()).toBe(slab)
  })

  it('is nothing where there are none', () => {
    expect(holdSlabsOf([Buffer.alloc(3)])).toBeUndefined()
  })
})
