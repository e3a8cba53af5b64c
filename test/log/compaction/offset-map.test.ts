/** The map of keys to their last offsets that compaction decides by. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OffsetMap } from '../../../src/log/compaction/offset-map.ts'

const megabyte = 1024 * 1024

function put(map: OffsetMap, key: Buffer, offset: number, force = false): boolean {
  return map.put(key, 0, key.length, offset, force)
}

const get = (map: OffsetMap, key: Buffer): number => map.get(key, 0, key.length)

describe('an offset map', () => {
  it('knows the last offset of every key, of any length, and of no other', () => {
    const key = fc.oneof(fc.uint8Array({ maxLength: 5 }), fc.uint8Array({ minLength: 60, maxLength: 70 }))
    fc.assert(
      fc.property(fc.array(key, { maxLength: 300 }), fc.array(key), fc.integer(), (keys, others, seed) => {
        const map = new OffsetMap(megabyte, seed)
        const known = new Map<string, number>()
        for (const [offset, each] of keys.entries()) {
          expect(put(map, Buffer.from(each), offset)).toBe(true)
          known.set(Buffer.from(each).toString('hex'), offset)
        }
        expect(map.size).toBe(known.size)
        for (const each of [...keys, ...others]) {
          expect(get(map, Buffer.from(each))).toBe(known.get(Buffer.from(each).toString('hex')) ?? -1)
        }
      }),
    )
  })

  it('tells a long key from a short one that is its digest', () => {
    const map = new OffsetMap(megabyte, 1)
    const long = Buffer.alloc(100, 1)
    put(map, long, 7)
    const short = Buffer.from('4a4d0a3a4bb2a1b0a6cf3c1c6e5cbb0df34b5d7e36c4a3e1cbb5e4ad9c1f2b3c', 'hex')
    expect(get(map, short)).toBe(-1)
    expect(get(map, long)).toBe(7)
  })

  it('reads keys where they lie in a larger buffer', () => {
    const map = new OffsetMap(megabyte, 1)
    const bytes = Buffer.from('..abc..abc..abd')
    map.put(bytes, 2, 3, 10)
    expect(map.get(bytes, 7, 3)).toBe(10)
    expect(map.get(bytes, 12, 3)).toBe(-1)
  })

  it('stays within its budget, still takes known keys when it is full, and grows beyond it only when told to', () => {
    const budget = 256 * 1024
    const map = new OffsetMap(budget, 3)
    let count = 0
    while (put(map, Buffer.from(`key-${count}`), count)) count += 1
    expect(count).toBeGreaterThan(2000)
    expect(map.usedBytes).toBeLessThanOrEqual(budget)
    expect(put(map, Buffer.from('key-5'), 999)).toBe(true)
    expect(get(map, Buffer.from('key-5'))).toBe(999)
    expect(get(map, Buffer.from(`key-${count}`))).toBe(-1)
    expect(put(map, Buffer.from(`key-${count}`), count, true)).toBe(true)
    expect(get(map, Buffer.from(`key-${count}`))).toBe(count)
    for (let index = 0; index < count; index += 1) {
      expect(get(map, Buffer.from(`key-${index}`))).toBe(index === 5 ? 999 : index)
    }
  })
})
