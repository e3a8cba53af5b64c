import { describe, expect, it } from 'vitest'
import { assignOffsetAndEpochAt } from '../../protocol/records/record-batch.ts'
import { PartitionTail, TailCache } from '../../src/log/tail-cache.ts'
import { SlabPool } from '../../src/runtime/slabs.ts'
import { batch } from './fixtures.ts'

function at(baseOffset: number, count: number, valueBytes = 10): Buffer {
  const bytes = batch(count, { valueBytes })
  assignOffsetAndEpochAt(bytes, 0, baseOffset, 0)
  return bytes
}

function add(
  cache: TailCache,
  tail: PartitionTail,
  baseOffset: number,
  count: number,
  bytes = at(baseOffset, count),
): Buffer {
  const kept = cache.compact(bytes)
  cache.add(tail, baseOffset, baseOffset + count, kept)
  return kept
}

const lengths = (found: Buffer[] | undefined) => found?.map((part) => part.length)

describe('the tail cache', () => {
  it('joins small batches of a partition into one buffer', () => {
    const cache = new TailCache(1_000_000)
    const tail = new PartitionTail()
    for (let offset = 0; offset < 10; offset += 2) add(cache, tail, offset, 2)
    const size = at(0, 2).length
    expect(lengths(tail.read(0, 10, 1000, true))).toEqual([5 * size])
    expect(lengths(tail.read(3, 10, 1000, true))).toEqual([4 * size])
    expect(lengths(tail.read(3, 6, 1000, true))).toEqual([2 * size])
    expect(lengths(tail.read(4, 10, 2 * size, true))).toEqual([2 * size])
    expect(lengths(tail.read(4, 10, 1, true))).toEqual([size])
    expect(lengths(tail.read(4, 10, 1, false))).toEqual([])
    expect(tail.read(10, 10, 1000, true)).toBeUndefined()
    expect(cache.usedBytes).toBe(5 * size)
  })

  it('keeps large batches as they are, and counts the chunk beneath them', () => {
    const cache = new TailCache(1_000_000)
    const tail = new PartitionTail()
    const chunk = Buffer.allocUnsafeSlow(12_000)
    const bytes = at(0, 3, 2000)
    const view = chunk.subarray(100, 100 + bytes.copy(chunk, 100))
    expect(add(cache, tail, 0, 3, view).buffer).toBe(chunk.buffer)
    expect(cache.usedBytes).toBe(12_000)
    expect(tail.read(0, 3, 100_000, true)![0]!.buffer).toBe(chunk.buffer)
  })

  it('copies what would keep a much larger chunk alive', () => {
    const cache = new TailCache(1_000_000)
    const chunk = Buffer.allocUnsafeSlow(1_000_000)
    for (const valueBytes of [100, 2000, 50_000]) {
      const bytes = at(0, 1, valueBytes)
      const kept = cache.compact(chunk.subarray(0, bytes.copy(chunk)))
      expect(kept.buffer).not.toBe(chunk.buffer)
      expect(kept).toEqual(bytes)
    }
  })

  it('stays within one budget for all partitions, dropping what is oldest', () => {
    const cache = new TailCache(50_000)
    const tails = [new PartitionTail(), new PartitionTail()]
    for (let offset = 0; offset < 100; offset += 1) {
      for (const tail of tails) add(cache, tail, offset, 1, at(offset, 1, 2000))
      expect(cache.usedBytes).toBeLessThanOrEqual(50_000)
    }
    for (const tail of tails) {
      expect(tail.read(50, 100, 1000, true)).toBeUndefined()
      expect(lengths(tail.read(95, 100, 1e6, true))!.length).toBe(5)
    }
    cache.clear(tails[0]!)
    expect(tails[0]!.read(99, 100, 1000, true)).toBeUndefined()
    for (let offset = 100; offset < 200; offset += 1) add(cache, tails[1]!, offset, 1, at(offset, 1, 2000))
    expect(cache.usedBytes).toBeLessThanOrEqual(50_000)
    expect(lengths(tails[1]!.read(199, 200, 1e6, true))!.length).toBe(1)
  })

  it('keeps no hold of the memory of what it dropped', () => {
    const pool = new SlabPool(100_000, 100)
    const cache = new TailCache(500_000)
    const tail = new PartitionTail()
    for (let offset = 0; offset < 20; offset += 1) {
      const slab = pool.take()
      add(cache, tail, offset, 1, slab.buffer.subarray(0, at(offset, 1, 50_000).copy(slab.buffer)))
      slab.release()
    }
    const held = new Set(tail.entries.flatMap(({ slab }) => slab ?? []))
    expect(tail.entries.length).toBeGreaterThan(10)
    expect(held.size).toBeLessThanOrEqual(5)
  })

  it('starts again behind a gap', () => {
    const cache = new TailCache(50_000)
    const tail = new PartitionTail()
    add(cache, tail, 0, 2)
    add(cache, tail, 10, 2)
    expect(tail.read(0, 12, 1000, true)).toBeUndefined()
    expect(lengths(tail.read(10, 12, 1000, true))!.length).toBe(1)
  })
})
