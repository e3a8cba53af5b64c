import { describe, expect, it } from 'vitest'
import { OffsetIndex } from '../../src/log/offset-index.ts'
import { TimeIndex } from '../../src/log/time-index.ts'
import { TransactionIndex } from '../../src/log/transaction-index.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { nextTurn } from '../../src/runtime/turns.ts'

async function saved(index: { save(files: MemoryFileSystem, path: string): Promise<void> }): Promise<Buffer> {
  const files = new MemoryFileSystem()
  await files.makeDirectory('d')
  await index.save(files, 'd/index')
  return Buffer.from(await files.readFile('d/index'))
}

describe('the offset index', () => {
  function filled(): OffsetIndex {
    const index = OffsetIndex.empty(100)
    for (let entry = 1; entry <= 20; entry += 1) index.append(100 + entry * 10, entry * 5000)
    return index
  }

  it('leads to the last batch that is not behind an offset', () => {
    const index = filled()
    expect([0, 100, 109, 110, 111, 119, 120, 300, 9999].map((offset) => index.positionFor(offset))).toEqual([
      0, 0, 0, 5000, 5000, 5000, 10_000, 100_000, 100_000,
    ])
    expect(OffsetIndex.empty(5).positionFor(7)).toBe(0)
  })

  it('is written as Kafka writes it, and only what is new', async () => {
    const index = OffsetIndex.empty(100)
    index.append(107, 0x01020304)
    expect((await saved(index)).toString('hex')).toBe('0000000701020304')
    const files = new MemoryFileSystem()
    await files.makeDirectory('d')
    const growing = filled()
    await growing.save(files, 'd/i')
    growing.append(400, 200_000)
    const writes: string[] = []
    files.beforeCall = (operation) => writes.push(operation)
    await growing.save(files, 'd/i')
    await growing.save(files, 'd/i')
    expect(writes.filter((operation) => operation === 'write').length).toBe(1)
    expect(OffsetIndex.parse(100, await files.readFile('d/i'), 1e9)!.count).toBe(21)
  })

  it('drops entries from an offset on, in the file too', async () => {
    const files = new MemoryFileSystem()
    await files.makeDirectory('d')
    const index = filled()
    await index.save(files, 'd/i')
    index.truncateToOffset(130)
    expect(index.count).toBe(2)
    index.append(135, 11_000)
    await index.save(files, 'd/i')
    const again = OffsetIndex.parse(100, await files.readFile('d/i'), 1e9)!
    expect([0, 1, 2].map((entry) => again.offsetAt(entry))).toEqual([110, 120, 135])
    expect(again.count).toBe(3)
  })

  it('reads past the zeros of a file that Kafka left open, and refuses nonsense', async () => {
    const bytes = await saved(filled())
    const left = OffsetIndex.parse(100, Buffer.concat([bytes, Buffer.alloc(8 * 1000)]), 1e9)!
    expect(left.count).toBe(20)
    expect(left.isSaved).toBe(false)
    expect(OffsetIndex.parse(100, bytes.subarray(0, 13), 1e9)).toBeUndefined()
    expect(OffsetIndex.parse(100, bytes, 100_000)).toBeUndefined()
    expect(OffsetIndex.parse(100, Buffer.alloc(16, 0xff), 1e9)).toBeUndefined()
  })
})

describe('the time index', () => {
  it('tells from which offset on to look for a timestamp', async () => {
    const index = TimeIndex.empty(50)
    for (const [timestamp, offset] of [
      [1000, 55],
      [1000, 60],
      [900, 61],
      [2000, 70],
    ] as const) {
      index.maybeAppend(timestamp, offset)
    }
    expect(index.count).toBe(2)
    expect([0, 999, 1000, 1500, 2000, 9999].map((timestamp) => index.offsetFor(timestamp))).toEqual([
      50, 50, 55, 55, 70, 70,
    ])
    const bytes = await saved(index)
    expect(bytes.toString('hex')).toBe('00000000000003e80000000500000000000007d000000014')
    const again = TimeIndex.parse(50, Buffer.from(bytes))!
    expect([again.lastTimestampMs, again.lastOffset]).toEqual([2000, 70])
    again.truncateToOffset(70)
    expect(again.lastTimestampMs).toBe(1000)
    expect(TimeIndex.parse(50, Buffer.alloc(11))).toBeUndefined()
    expect(TimeIndex.parse(50, Buffer.concat([bytes, Buffer.alloc(120)]))!.count).toBe(2)
  })
})

describe('the transaction index', () => {
  it('finds the aborted transactions that overlap a range', async () => {
    const index = TransactionIndex.empty(0)
    index.append({ producerId: 3n, firstOffset: 3, lastOffset: 11, lastStableOffset: 12 })
    index.append({ producerId: 2n, firstOffset: 15, lastOffset: 22, lastStableOffset: 12 })
    index.append({ producerId: 3n, firstOffset: 27, lastOffset: 34, lastStableOffset: 35 })
    const bytes = Buffer.from(await saved(index))
    const again = TransactionIndex.parse(0, Buffer.from(bytes))
    const find = (from: number, upTo: number) => {
      const found: { firstOffset: number }[] = []
      const isComplete = again.collect(from, upTo, found as never)
      return [...found.map(({ firstOffset }) => firstOffset), isComplete]
    }
    expect(find(0, 3)).toEqual([true])
    expect(find(0, 12)).toEqual([3, true])
    expect(find(12, 30)).toEqual([15, 27, true])
    expect(find(12, 100)).toEqual([15, 27, false])
    again.truncateToOffset(22)
    expect(again.count).toBe(1)
    expect(TransactionIndex.parse(0, Buffer.alloc(33)).count).toBe(0)
    expect(TransactionIndex.parse(0, Buffer.alloc(34, 1)).count).toBe(0)
    expect(TransactionIndex.parse(0, Buffer.alloc(68)).count).toBe(0)
    const torn = Buffer.concat([bytes, Buffer.alloc(34), Buffer.alloc(5)])
    expect(TransactionIndex.parse(0, torn).count).toBe(index.count)
    expect([bytes, torn].map((content) => TransactionIndex.parse(0, Buffer.from(content)).isWhole)).toEqual([
      true,
      false,
    ])
  })

  it('is whole again once all that could not be read is cut off', async () => {
    const index = TransactionIndex.empty(5)
    index.append({ producerId: 3n, firstOffset: 6, lastOffset: 11, lastStableOffset: 12 })
    index.append({ producerId: 3n, firstOffset: 13, lastOffset: 20, lastStableOffset: 21 })
    const bytes = await saved(index)
    const torn = Buffer.concat([bytes, Buffer.alloc(5)])
    const cutAt = (offset: number) => {
      const read = TransactionIndex.parse(5, Buffer.from(torn))
      read.truncateToOffset(offset)
      return [read.count, read.isWhole]
    }
    expect([21, 20, 12, 5].map(cutAt)).toEqual([
      [2, false],
      [1, true],
      [1, true],
      [0, true],
    ])
    expect(TransactionIndex.parse(12, bytes)).toMatchObject({ count: 0, isWhole: false })
  })
})

describe('two saves of an index at the same time', () => {
  it('leave all entries in its file, in whatever order they get on', async () => {
    const files = new MemoryFileSystem()
    const open = files.open.bind(files)
    await files.makeDirectory('d')
    const release: (() => void)[] = []
    files.open = async (path, mode) => {
      await new Promise<void>((resolve) => release.push(resolve))
      return await open(path, mode)
    }
    const index = TimeIndex.empty(0)
    index.maybeAppend(5, 1)
    const first = index.save(files, 'd/index')
    await nextTurn()
    index.maybeAppend(6, 2)
    const second = index.save(files, 'd/index')
    for (let turn = 0; turn < 20; turn += 1) {
      release.pop()?.()
      await nextTurn()
    }
    await Promise.all([first, second])
    expect([(await files.readFile('d/index')).length, index.isSaved]).toEqual([24, true])
  })
})
