/** When a log starts a new segment, what lies in the files then, and how appends become writes. */
import { describe, expect, it } from 'vitest'
import type { LogConfig } from '../../src/log/log-config.ts'
import { OpenFile, OpenFiles } from '../../src/log/open-files.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { MemoryFileSystem, systemError } from '../../src/runtime/memory-file-system.ts'
import { nextTurn } from '../../src/runtime/turns.ts'
import { batch, batchesOf, config, openDirectory, openLog, readAll, sequenced, startMs } from './fixtures.ts'

async function open(overrides: Partial<LogConfig> = {}, clock = new SimulatedClock(startMs)) {
  const files = new MemoryFileSystem()
  const directory = await openDirectory(files, { clock })
  const log = await openLog(directory, overrides)
  const segments = async () => {
    const names = await files.list('data/topic-0')
    return names.filter((name) => name.endsWith('.log')).map((name) => Number(name.slice(0, 20)))
  }
  return { files, directory, log, segments, clock }
}

describe('a log starts a new segment', () => {
  it('when the next batch would not fit into segment.bytes', async () => {
    const size = batch(1).length
    const { log, segments } = await open({ segmentBytes: 3 * size })
    for (let index = 0; index < 7; index += 1) await log.append(batch(1), 'client')
    expect(await segments()).toEqual([0, 3, 6])
    await Promise.all(Array.from({ length: 8 }, () => log.append(batch(1), 'client')))
    expect(await segments()).toEqual([0, 3, 6, 9, 12])
    expect(await readAll(log, 0, 100)).toEqual(Array.from({ length: 15 }, (_, offset) => offset))
  })

  it('when segment.ms has passed, by the time of the records, or by the clock where they have none', async () => {
    const { log, segments, clock } = await open({ segmentMs: 1000 })
    const at = (timestamp: number) => log.append(batch(1, { timestamp }), 'client')
    await at(startMs - 5000)
    await at(startMs - 4000)
    await at(startMs - 3999)
    expect(await segments()).toEqual([0, 2])
    const { log: other, segments: others, clock: otherClock } = await open({ segmentMs: 1000 }, clock)
    await other.append(batch(1, { timestamp: -1 }), 'client')
    await otherClock.advance(1001)
    await other.append(batch(1, { timestamp: -1 }), 'client')
    expect(await others()).toEqual([0, 1])
  })

  it('earlier than segment.ms by a random part of segment.jitter.ms', async () => {
    const { log, segments } = await open({ segmentMs: 1_000_000, segmentJitterMs: 1_000_000 })
    for (let step = 0; step < 200; step += 1) {
      await log.append(batch(1, { timestamp: startMs + step * 10_000 }), 'client')
    }
    const starts = await segments()
    const lengths = starts.slice(1).map((start, index) => start - starts[index]!)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(101)
    expect(new Set(lengths).size).toBeGreaterThan(1)
  })

  it('when an index is full', async () => {
    const { log, segments } = await open({ indexIntervalBytes: 1, segmentIndexBytes: 40 })
    for (let index = 0; index < 12; index += 1) await log.append(batch(1, { timestamp: startMs + index }), 'client')
    // Three entries of the time index fit, and the first batch has none.
    expect(await segments()).toEqual([0, 4, 8])
  })

  it('with a snapshot of the producers, and the old indexes written', async () => {
    const { log, files } = await open({ segmentBytes: 200, indexIntervalBytes: 1 })
    for (let index = 0; index < 5; index += 1) await log.append(sequenced(5n, 0, index), 'client')
    expect(await files.list('data/topic-0')).toEqual([
      '00000000000000000000.index',
      '00000000000000000000.log',
      '00000000000000000000.timeindex',
      '00000000000000000002.index',
      '00000000000000000002.log',
      '00000000000000000002.snapshot',
      '00000000000000000002.timeindex',
      '00000000000000000004.index',
      '00000000000000000004.log',
      '00000000000000000004.snapshot',
      '00000000000000000004.timeindex',
      'leader-epoch-checkpoint',
    ])
    expect(await files.sizeOf('data/topic-0/00000000000000000000.index')).toBe(8)
    expect(await files.sizeOf('data/topic-0/00000000000000000000.timeindex')).toBe(12)
  })
})

describe('appends of one turn of the event loop', () => {
  it('become one write, small ones joined to one buffer', async () => {
    const { log, files } = await open()
    let writes = 0
    files.beforeCall = (operation, path) => {
      if (operation === 'write' && path.endsWith('.log')) writes += 1
    }
    await Promise.all(Array.from({ length: 50 }, () => log.append(batch(1), 'client')))
    expect(writes).toBe(1)
    const result = await log.read(0, { maxBytes: 1e6, minOneBatch: true, isolation: 'high_watermark' })
    expect(result.records.length).toBe(1)
    expect(batchesOf(result).length).toBe(50)
  })

  it('are written in place up to 256 KiB, and 1 MiB in a turn', async () => {
    const files = new MemoryFileSystem()
    const calls: string[] = []
    const open = files.open.bind(files)
    files.open = async (path, mode) => {
      const handle = await open(path, mode)
      if (!path.endsWith('.log')) return handle
      const { write, writeNow } = handle
      handle.write = (position, chunks) => {
        calls.push('by a thread')
        return write(position, chunks)
      }
      handle.writeNow = (position, chunks) => {
        calls.push('in place')
        writeNow(position, chunks)
      }
      return handle
    }
    const directory = await openDirectory(files)
    const logs = await Promise.all(
      Array.from({ length: 8 }, (_, partition) => directory.openPartition({ topic: 't', partition, config: config() })),
    )
    await logs[0]!.append(batch(1, { valueBytes: 300_000 }), 'client')
    expect(calls.splice(0)).toEqual(['by a thread'])
    await Promise.all(logs.map((log) => log.append(batch(1, { valueBytes: 200_000 }), 'client')))
    expect(calls.splice(0).sort()).toEqual([...Array(3).fill('by a thread'), ...Array(5).fill('in place')])
  })

  it('wait for a write that is under way, and keep their order', async () => {
    const { log, files } = await open()
    await log.append(batch(1, { valueBytes: 300_000 }), 'client')
    const order: number[] = []
    const appends = [300_000, 10, 300_000, 10].map((valueBytes, index) =>
      log.append(batch(1, { valueBytes }), 'client').then(({ baseOffset }) => order.push(baseOffset - 1 - index)),
    )
    await nextTurn()
    appends.push(log.append(batch(1), 'client').then(({ baseOffset }) => order.push(baseOffset - 5)))
    await Promise.all(appends)
    expect(order).toEqual([0, 0, 0, 0, 0])
    expect(await readAll(log, 0, 1e6)).toEqual([0, 1, 2, 3, 4, 5])
    expect(await files.sizeOf('data/topic-0/00000000000000000000.log')).toBe(log.sizeInBytes)
  })
})

describe('a flush', () => {
  it('waits for what was appended before, not for what comes after', async () => {
    const { log } = await open()
    let goesOn = true
    const append = async (): Promise<void> => {
      while (goesOn) await log.append(batch(1, { valueBytes: 300_000 }), 'client')
    }
    const appenders = [append(), append(), append()]
    for (let round = 0; round < 3; round += 1) {
      const before = log.logEndOffset
      await log.flush()
      expect(log.recoveryPoint).toBeGreaterThan(before)
    }
    goesOn = false
    await Promise.all(appenders)
  })
})

describe('the open files of a directory', () => {
  it('are no more than allowed, and those in use stay', async () => {
    const files = new MemoryFileSystem()
    await files.makeDirectory('d')
    const pool = new OpenFiles(files, 3, 1000)
    const evicted: number[] = []
    const all = Array.from({ length: 10 }, (_, index) => new OpenFile(`d/${index}`, pool, () => evicted.push(index)))
    await all[0]!.use(async () => {
      for (const file of all.slice(1)) await file.use(() => {})
      expect(all[0]!.isBusy).toBe(true)
      expect(evicted).not.toContain(0)
    })
    for (const file of all) await file.use(() => {})
    expect(pool.openCount).toBeLessThanOrEqual(4)
    for (const file of all) await file.close()
    expect(pool.openCount).toBe(0)
  })

  it('go when too much memory hangs on them', async () => {
    const files = new MemoryFileSystem()
    await files.makeDirectory('d')
    const pool = new OpenFiles(files, 100, 1000)
    const evicted: number[] = []
    const all = Array.from({ length: 4 }, (_, index) => new OpenFile(`d/${index}`, pool, () => evicted.push(index)))
    for (const file of all) {
      await file.use(() => {})
      file.takeRecentlyUsed()
      file.weigh(400)
    }
    expect(evicted).toEqual([0, 1])
  })

  it('are given back when the process has no descriptor left', async () => {
    const files = new MemoryFileSystem()
    await files.makeDirectory('d')
    const pool = new OpenFiles(files, 100, 1000)
    const all = Array.from({ length: 4 }, (_, index) => new OpenFile(`d/${index}`, pool, () => {}))
    for (const file of all) await file.use(() => {})
    let refused = 0
    files.beforeCall = (operation, path) => {
      if (operation === 'open' && pool.openCount === 4) {
        refused += 1
        throw systemError('EMFILE', path)
      }
    }
    await new OpenFile('d/new', pool, () => {}).use(() => {})
    expect(refused).toBe(1)
  })
})
