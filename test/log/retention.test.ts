/** Which segments retention takes, in which order things happen, and what a crash in between leaves. */
import { describe, expect, it } from 'vitest'
import type { LocalPartitionLog } from '../../src/log/local-partition-log.ts'
import type { LogConfig } from '../../src/log/log-config.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { MemoryFileSystem, systemError } from '../../src/runtime/memory-file-system.ts'
import { nextTurn } from '../../src/runtime/turns.ts'
import { batch, config, openDirectory, openLog, readAll, sequenced, startMs } from './fixtures.ts'

const batchBytes = batch(1).length
/** Two batches a segment. */
const small = { segmentBytes: 2 * batchBytes, indexIntervalBytes: 1 }
const all = { maxBytes: 1_000_000, minOneBatch: true, isolation: 'high_watermark' } as const

async function open(overrides: Partial<LogConfig> = {}, files = new MemoryFileSystem()) {
  const clock = new SimulatedClock(startMs)
  const limits = { tailCacheBytes: 0, maxOpenFiles: 1 }
  const directory = await openDirectory(files, { clock, limits })
  const log = await openLog(directory, { ...small, ...overrides })
  return { clock, directory, files, log }
}

/** Timestamps relative to the start; one batch of one record each. */
async function appendAt(log: LocalPartitionLog, ...timesMs: number[]): Promise<void> {
  for (const timeMs of timesMs) await log.append(batch(1, { timestamp: startMs + timeMs }), 'client')
}

async function namesOf(files: MemoryFileSystem, pattern: RegExp): Promise<string[]> {
  return (await files.list('data/topic-0')).filter((name) => pattern.test(name))
}

async function baseOffsets(files: MemoryFileSystem): Promise<number[]> {
  return (await namesOf(files, /\.log$/)).map((name) => Number(name.slice(0, 20)))
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await nextTurn()
}

describe('retention by time', () => {
  it('takes a segment when its largest timestamp is older than retention.ms, and none behind one that is not', async () => {
    const { log, files, clock, directory } = await open({ retentionMs: 1000 })
    await appendAt(log, 0, 500, 0, 10, 0, 0, 900, 900, 900)
    await clock.advance(1500)
    await directory.enforceRetention()
    expect([log.logStartOffset, await baseOffsets(files)]).toEqual([0, [0, 2, 4, 6, 8]])
    await clock.advance(1)
    await directory.enforceRetention()
    expect([log.logStartOffset, await baseOffsets(files)]).toEqual([6, [6, 8]])
    await expect(async () => log.read(5, all)).rejects.toMatchObject({ kafkaError: 'OFFSET_OUT_OF_RANGE' })
    expect(await readAll(log)).toEqual([6, 7, 8])
  })

  it('rolls the active segment when it has expired itself, and leaves an empty one be', async () => {
    const { log, files, clock, directory } = await open({ retentionMs: 1000 })
    await appendAt(log, 0, 0, 0)
    await clock.advance(1001)
    await directory.enforceRetention()
    expect([log.logStartOffset, log.logEndOffset, await baseOffsets(files)]).toEqual([3, 3, [3]])
    await clock.advance(5000)
    await directory.enforceRetention()
    expect(await baseOffsets(files)).toEqual([3])
    await appendAt(log, 6000)
    expect(await readAll(log)).toEqual([3])
  })

  it('keeps records with timestamps in the future, and everything with -1', async () => {
    const { log, files, clock, directory } = await open({ retentionMs: 1000 })
    await appendAt(log, 100_000, 0, 0, 0)
    await clock.advance(50_000)
    await directory.enforceRetention()
    expect(await baseOffsets(files)).toEqual([0, 2])
    const unlimited = await open({ retentionMs: -1 })
    await appendAt(unlimited.log, 0, 0, 0, 0, 0)
    await unlimited.clock.advance(1e8)
    await unlimited.directory.enforceRetention()
    expect(await baseOffsets(unlimited.files)).toEqual([0, 2, 4])
  })

  it('counts from the last write where no record has a timestamp', async () => {
    const { log, files, clock, directory } = await open({ retentionMs: 1000 })
    for (let index = 0; index < 2; index += 1) await log.append(batch(1, { timestamp: -1 }), 'client')
    await clock.advance(900)
    await log.append(batch(1, { timestamp: -1 }), 'client')
    await clock.advance(101)
    await directory.enforceRetention()
    expect(await baseOffsets(files)).toEqual([2])
  })

  it('knows the timestamps of older segments after a restart, from their time indexes', async () => {
    const first = await open({ retentionMs: 1000 })
    await appendAt(first.log, 0, 0, 5000, 0, 0)
    await first.directory.close()
    const { files, clock, directory } = await open({ retentionMs: 1000 }, first.files)
    await clock.advance(2000)
    const read: string[] = []
    files.beforeCall = (operation, path) => {
      if (operation === 'read') read.push(path)
    }
    await directory.enforceRetention()
    expect(await baseOffsets(files)).toEqual([2, 4])
    expect(read).toEqual([])
  })
})

describe('retention by size', () => {
  it('takes whole segments while retention.bytes is still there without them', async () => {
    const { log, files, directory } = await open({ retentionBytes: 4 * batchBytes })
    await appendAt(log, 0, 0, 0, 0, 0)
    await directory.enforceRetention()
    expect(await baseOffsets(files)).toEqual([0, 2, 4])
    await appendAt(log, 0)
    await directory.enforceRetention()
    expect([log.logStartOffset, await baseOffsets(files)]).toEqual([2, [2, 4]])
    log.applyConfig(config({ ...small, retentionBytes: 0 }))
    await directory.enforceRetention()
    expect([log.logStartOffset, await baseOffsets(files)]).toEqual([6, [6]])
  })
})

describe('retention by log start offset', () => {
  it('takes the segments wholly below it, whatever cleanup.policy says', async () => {
    for (const deletes of [true, false]) {
      const { log, files, directory } = await open({ deletes })
      await appendAt(log, 0, 0, 0, 0, 0)
      await log.deleteRecordsBefore(3)
      expect(await baseOffsets(files)).toEqual([0, 2, 4])
      await directory.enforceRetention()
      expect([log.logStartOffset, await baseOffsets(files)]).toEqual([3, [2, 4]])
      await log.deleteRecordsBefore(-1)
      await directory.enforceRetention()
      expect([log.logStartOffset, await baseOffsets(files)]).toEqual([5, [4]])
    }
  })
})

it('a topic that is only compacted loses nothing by age or size', async () => {
  const { log, files, clock, directory } = await open({ deletes: false, retentionMs: 1, retentionBytes: 1 })
  await appendAt(log, 0, 0, 0, 0, 0)
  await clock.advance(1e8)
  await directory.enforceRetention()
  expect(await baseOffsets(files)).toEqual([0, 2, 4])
})

describe('the check', () => {
  it('comes first after log.initial.task.delay.ms, then every log.retention.check.interval.ms, with one timer', async () => {
    const { log, files, clock } = await open({ retentionMs: 1000 })
    await appendAt(log, 0, 0, 0, 0, 310_000)
    await clock.advance(29_999)
    expect(await baseOffsets(files)).toEqual([0, 2, 4])
    await clock.advance(1)
    await settled()
    expect(await baseOffsets(files)).toEqual([4])
    await clock.advance(299_999)
    await settled()
    expect(await baseOffsets(files)).toEqual([4])
    await clock.advance(1)
    await settled()
    expect(await baseOffsets(files)).toEqual([5])
  })

  it('costs a directory in which nothing has expired no call at all', async () => {
    const { log, files, clock } = await open()
    await appendAt(log, 0, 0, 0)
    await clock.advance(400_000)
    await settled()
    let calls = 0
    files.beforeCall = () => {
      calls += 1
    }
    await clock.advance(3_000_000)
    await settled()
    expect(calls).toBe(0)
  })
})

describe('a segment that goes', () => {
  it('takes its indexes and its snapshot along, and leaves the disk after file.delete.delay.ms', async () => {
    const { log, files, clock, directory } = await open({ retentionBytes: 0, fileDeleteDelayMs: 60_000 })
    for (let sequence = 0; sequence < 5; sequence += 1) await log.append(sequenced(5n, 0, sequence), 'client')
    await directory.enforceRetention()
    expect(await namesOf(files, /deleted$/)).toEqual(
      ['0.index', '0.log', '0.timeindex', '2.index', '2.log', '2.snapshot', '2.timeindex', '4.index', '4.log']
        .concat('4.snapshot', '4.timeindex')
        .map((name) => `0000000000000000000${name}.deleted`),
    )
    expect(await namesOf(files, /(log|index|snapshot)$/)).toEqual(
      ['index', 'log', 'snapshot', 'timeindex'].map((suffix) => `00000000000000000005.${suffix}`),
    )
    await clock.advance(59_999)
    expect((await namesOf(files, /deleted$/)).length).toBe(11)
    await clock.advance(1)
    await settled()
    expect(await namesOf(files, /deleted$/)).toEqual([])
    expect((await log.append(sequenced(5n, 0, 5), 'client')).baseOffset).toBe(5)
  })

  it('goes at the next start if the delay was not over', async () => {
    const { log, files, directory } = await open({ retentionBytes: 0 })
    await appendAt(log, 0, 0, 0)
    await directory.enforceRetention()
    await directory.close()
    expect((await namesOf(files, /deleted$/)).length).toBeGreaterThan(0)
    const again = await open({}, files)
    expect(await namesOf(files, /deleted$/)).toEqual([])
    expect([again.log.logStartOffset, again.log.logEndOffset]).toEqual([3, 3])
  })

  it('goes only after the log start offset is on disk: a crash at any call leaves a log without a gap', async () => {
    for (let crashAt = 0; ; crashAt += 1) {
      const { log, files, directory } = await open({ retentionBytes: 2 * batchBytes })
      await appendAt(log, 0, 0, 0, 0, 0, 0)
      let calls = 0
      files.beforeCall = (_operation, path) => {
        calls += 1
        if (calls > crashAt) throw systemError('EIO', path)
      }
      await directory.enforceRetention()
      const survivor = files.afterCrash()
      const again = await open({}, survivor)
      const start = again.log.logStartOffset
      expect([0, 4]).toContain(start)
      expect(await readAll(again.log)).toEqual([0, 1, 2, 3, 4, 5].slice(start))
      if (calls <= crashAt) break
      expect(crashAt).toBeLessThan(50)
    }
  })

  it('stays gone after a power failure that undoes renames', async () => {
    const { log, files, directory } = await open({ retentionBytes: 2 * batchBytes })
    await appendAt(log, 0, 0, 0, 0, 0, 0)
    const before: string[] = []
    files.beforeCall = (operation, path) => {
      if (operation === 'rename') before.push(path)
      if (operation === 'syncDirectory') throw systemError('EIO', path)
    }
    await directory.enforceRetention()
    files.beforeCall = () => {}
    await directory.close()
    for (const path of before) if (await files.exists(`${path}.deleted`)) await files.rename(`${path}.deleted`, path)
    const again = await open({}, files)
    expect(again.log.logStartOffset).toBe(4)
  })

  it('is never at or behind the high watermark', async () => {
    const { log, directory } = await open({ retentionBytes: 0 })
    let highest = 0
    log.onAdvance(() => {
      expect(log.logStartOffset).toBeLessThanOrEqual(log.highWatermark)
      highest = log.highWatermark
    })
    for (let round = 0; round < 5; round += 1) {
      const appends = Array.from({ length: 7 }, () => log.append(batch(1), 'client'))
      await Promise.all([...appends, directory.enforceRetention()])
    }
    await directory.enforceRetention()
    expect([highest, log.logStartOffset]).toEqual([35, 35])
  })

  it('lets readers finish or tells them OFFSET_OUT_OF_RANGE', async () => {
    const { log, files, directory } = await open({ retentionBytes: 0 })
    const outcomes: string[] = []
    for (let round = 0; round < 40; round += 1) {
      await appendAt(log, 0, 0, 0, 0)
      const from = log.logStartOffset
      const reads = [0, 1, 2, 3].map(async (by) => {
        for (let turn = 0; turn < by; turn += 1) await nextTurn()
        for (let tick = 0; tick < round; tick += 1) await Promise.resolve()
        return log.read(from + by, all)
      })
      const lookups = [log.offsetForTimestamp(startMs, 'high_watermark'), log.offsetOfMaxTimestamp()]
      const deletion = directory.enforceRetention()
      for (const read of reads) {
        outcomes.push(
          await read.then(
            () => 'read',
            (error) => error.kafkaError ?? String(error),
          ),
        )
      }
      await Promise.all([...lookups, deletion])
    }
    expect(new Set(outcomes)).toEqual(new Set(['read', 'OFFSET_OUT_OF_RANGE']))
    expect(await baseOffsets(files)).toEqual([160])
  })

  it('is closed only when its last reader has finished', async () => {
    const files = new MemoryFileSystem()
    const openFile = files.open.bind(files)
    const events: string[] = []
    let goOn: (() => void) | undefined
    files.open = async (path, mode) => {
      const handle = await openFile(path, mode)
      if (!path.endsWith('0000.log')) return handle
      const { close, read } = handle
      handle.close = () => {
        events.push('close')
        return close()
      }
      handle.read = async (position, length) => {
        await new Promise<void>((resolve) => {
          goOn = resolve
        })
        events.push('read')
        return read(position, length)
      }
      return handle
    }
    const { log, directory } = await open({ retentionBytes: 0 }, files)
    await appendAt(log, 0, 0, 0)
    const reading = Promise.resolve(log.read(0, all))
    await settled()
    await directory.enforceRetention()
    await settled()
    expect(events).toEqual([])
    goOn!()
    expect((await reading).records.length).toBe(1)
    await settled()
    expect(events).toEqual(['read', 'close'])
  })

  it('takes the partition offline if it cannot be renamed', async () => {
    const { log, files, directory } = await open({ retentionBytes: 0 })
    await appendAt(log, 0, 0, 0)
    files.beforeCall = (operation, path) => {
      if (operation === 'rename') throw systemError('EIO', path)
    }
    await directory.enforceRetention()
    await expect(log.append(batch(1), 'client')).rejects.toMatchObject({ kafkaError: 'KAFKA_STORAGE_ERROR' })
  })
})
