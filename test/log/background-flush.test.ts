/** What becomes durable by itself and when, and what the checkpoints say of it. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { BackgroundFlush } from '../../src/log/background-flush.ts'
import type { LogConfig } from '../../src/log/log-config.ts'
import type { LogDirectoryOptions } from '../../src/log/log-directory.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { MemoryFileSystem, systemError } from '../../src/runtime/memory-file-system.ts'
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts'
import { nextTurn } from '../../src/runtime/turns.ts'
import { batch, config, openDirectory, openLog, readAll, startMs } from './fixtures.ts'

const segment = 'data/topic-0/00000000000000000000.log'
const recoveryPoints = 'data/recovery-point-offset-checkpoint'
const highWatermarks = 'data/replication-offset-checkpoint'
const startOffsets = 'data/log-start-offset-checkpoint'

async function open(
  overrides: Partial<LogConfig> = {},
  limits: LogDirectoryOptions['limits'] = {},
  files = new MemoryFileSystem(),
) {
  const clock = new SimulatedClock(startMs)
  const directory = await openDirectory(files, { clock, limits: { ...limits } })
  const log = await openLog(directory, overrides)
  return { clock, directory, files, log }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await nextTurn()
}

async function textOf(files: MemoryFileSystem, file: string): Promise<string | undefined> {
  return (await files.exists(file)) ? (await files.readFile(file)).toString() : undefined
}

/** Only what was synced. */
function afterPowerFailure(files: MemoryFileSystem): MemoryFileSystem {
  return files.afterCrash((_path, _size, syncedSize) => syncedSize)
}

describe('the background flush', () => {
  it('makes a partition durable five seconds after it was written to, and moves its recovery point', async () => {
    const { log, files, clock } = await open()
    await log.append(batch(3), 'client')
    await clock.advance(4999)
    expect([log.recoveryPoint, afterPowerFailureSize(files)]).toEqual([0, 0])
    await clock.advance(1)
    await settled()
    expect([log.recoveryPoint, afterPowerFailureSize(files) > 0]).toEqual([3, true])
    const again = await open({}, {}, afterPowerFailure(files))
    expect(await readAll(again.log)).toEqual([0, 1, 2])

    function afterPowerFailureSize(of: MemoryFileSystem): number {
      let synced = -1
      of.afterCrash((file, size, syncedSize) => {
        if (file === segment) synced = syncedSize
        return size
      })
      return synced
    }
  })

  it('does not wait for the interval when a partition has 64 MiB that are not durable', async () => {
    const { log } = await open({ maxMessageBytes: 2 ** 25, segmentBytes: 2 ** 30 })
    for (let index = 0; index < 3; index += 1) await log.append(batch(1, { valueBytes: 16 * 2 ** 20 }), 'client')
    await settled()
    expect(log.recoveryPoint).toBe(0)
    await log.append(batch(1, { valueBytes: 16 * 2 ** 20 }), 'client')
    await settled()
    expect(log.recoveryPoint).toBe(4)
  })

  it('moves the recovery point only past bytes whose sync has returned', async () => {
    const files = new MemoryFileSystem()
    const openFile = files.open.bind(files)
    let returnSync: (() => void) | undefined
    files.open = async (file, mode) => {
      const handle = await openFile(file, mode)
      if (file !== segment) return handle
      const { sync } = handle
      handle.sync = async () => {
        await sync()
        await new Promise<void>((resolve) => {
          returnSync = resolve
        })
      }
      return handle
    }
    const { log, clock, directory } = await open({}, {}, files)
    await log.append(batch(3), 'client')
    await clock.advance(5000)
    await log.append(batch(2), 'client')
    await settled()
    expect(log.recoveryPoint).toBe(0)
    returnSync!()
    await settled()
    expect(log.recoveryPoint).toBe(3)
    await directory.checkpoint()
    const survivor = afterPowerFailure(files)
    expect(await textOf(survivor, recoveryPoints)).toBe('0\n1\ntopic 0 3\n')
    await clock.advance(5000)
    returnSync!()
    await settled()
    expect(log.recoveryPoint).toBe(5)
  })

  it('moves the recovery point only past batches whose leader epoch is in leader-epoch-checkpoint', async () => {
    const { log, files, clock } = await open()
    await log.becomeLeader(4)
    await log.append(batch(2), 'client')
    expect(await textOf(files, 'data/topic-0/leader-epoch-checkpoint')).toBeUndefined()
    files.beforeCall = (operation, file) => {
      if (operation === 'replaceFile' && file.endsWith('leader-epoch-checkpoint')) throw systemError('ENOSPC', file)
    }
    await clock.advance(5000)
    await settled()
    expect(log.recoveryPoint).toBe(0)
    const crashed = await open({}, {}, files.afterCrash())
    expect(crashed.log.endOffsetForEpoch(4)).toEqual({ leaderEpoch: 4, endOffset: 2 })
    files.beforeCall = () => {}
    await log.append(batch(1), 'client')
    await clock.advance(5000)
    await settled()
    expect(log.recoveryPoint).toBe(3)
    expect(await textOf(files, 'data/topic-0/leader-epoch-checkpoint')).toBe('0\n1\n4 0\n')
  })

  it('flushes one partition at a time', async () => {
    const { directory, files, clock } = await open()
    const openFile = files.open.bind(files)
    let underWay = 0
    let most = 0
    files.open = async (file, mode) => {
      const handle = await openFile(file, mode)
      const { sync } = handle
      handle.sync = async () => {
        underWay += 1
        most = Math.max(most, underWay)
        await nextTurn()
        await sync()
        underWay -= 1
      }
      return handle
    }
    const logs = await Promise.all(
      Array.from({ length: 5 }, (_, partition) => directory.openPartition({ topic: 't', partition, config: config() })),
    )
    await Promise.all(logs.map((log) => log.append(batch(1), 'client')))
    await clock.advance(5000)
    await settled()
    expect([most, logs.map((log) => log.recoveryPoint)]).toEqual([1, [1, 1, 1, 1, 1]])
  })

  it('rests for as long as a flush took', async () => {
    const { directory, files, clock } = await open()
    const openFile = files.open.bind(files)
    files.open = async (file, mode) => {
      const handle = await openFile(file, mode)
      handle.sync = () => new Promise((resolve) => void clock.after(100, resolve))
      return handle
    }
    const logs = await Promise.all(
      [1, 2].map((partition) => directory.openPartition({ topic: 't', partition, config: config() })),
    )
    await Promise.all(logs.map((log) => log.append(batch(1), 'client')))
    await clock.advance(5000)
    const pointsAfter = async (ms: number) => {
      await clock.advance(ms)
      await settled()
      return logs.map((log) => log.recoveryPoint)
    }
    expect(await pointsAfter(100)).toEqual([1, 0])
    expect(await pointsAfter(199)).toEqual([1, 0])
    expect(await pointsAfter(1)).toEqual([1, 1])
    await directory.deletePartition('topic', 0)
  })

  it('does not rest while more than 256 MiB are due', async () => {
    const clock = new SimulatedClock(startMs)
    const flush = new BackgroundFlush({ clock, logger: silentLogger }, Number.POSITIVE_INFINITY)
    const flushed: string[] = []
    for (const directory of ['a', 'b', 'c', 'd']) {
      const flushInBackground = async () => {
        await new Promise<void>((resolve) => void clock.after(100, resolve))
        flushed.push(directory)
      }
      flush.dirtied({ directory, dirtyBytes: 129 * 2 ** 20, flushDueMs: 0, flushInBackground })
    }
    const flushedAfter = async (ms: number) => {
      await clock.advance(ms)
      await settled()
      return flushed.join('')
    }
    expect(await flushedAfter(100)).toBe('a')
    expect(await flushedAfter(100)).toBe('ab')
    expect(await flushedAfter(100)).toBe('abc')
    expect(await flushedAfter(199)).toBe('abc')
    expect(await flushedAfter(1)).toBe('abcd')
    await flush.close()
  })

  it('also covers what a start after a crash has found', async () => {
    const { log, files } = await open()
    await log.append(batch(3), 'client')
    const again = await open(
      {},
      {},
      files.afterCrash((_path, size) => size),
    )
    expect(again.log.recoveryPoint).toBe(0)
    await again.clock.advance(5000)
    await settled()
    expect(again.log.recoveryPoint).toBe(3)
  })

  it('gives the directory up when a sync fails: nothing is acknowledged any more, nothing tried again', async () => {
    const { log, files, clock, directory } = await open()
    await log.append(batch(3), 'client')
    let syncs = 0
    files.beforeCall = (operation, file) => {
      if (operation !== 'sync') return
      syncs += 1
      throw systemError('EIO', file)
    }
    await clock.advance(5000)
    await settled()
    expect(log.recoveryPoint).toBe(0)
    await expect(log.append(batch(1), 'client')).rejects.toMatchObject({ kafkaError: 'KAFKA_STORAGE_ERROR' })
    await clock.advance(60_000)
    await directory.close()
    expect(syncs).toBe(1)
  })

  it('leaves a partition alone that is being deleted', async () => {
    const { log, clock, directory } = await open()
    await log.append(batch(3), 'client')
    await Promise.all([clock.advance(5000), directory.deletePartition('topic', 0)])
    await settled()
    const again = await openLog(directory)
    await again.append(batch(1), 'client')
  })

  it('works on real files', async () => {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'odradek-flush-'))
    try {
      const clock = new SimulatedClock(startMs)
      const directory = await openDirectory(nodeFileSystem, { clock, path: root })
      const log = await openLog(directory)
      await log.append(batch(3), 'client')
      await clock.advance(5000)
      while (log.recoveryPoint < 3) await nextTurn()
      await directory.close()
    } finally {
      fs.rmSync(root, { recursive: true, force: true })
    }
  })
})

describe('flush.ms', () => {
  it('is looked at every log.flush.scheduler.interval.ms', async () => {
    const { log, clock } = await open({ flushMs: 1500 }, { flushSchedulerIntervalMs: 1000 })
    await log.append(batch(1), 'client')
    await clock.advance(1999)
    await settled()
    expect(log.recoveryPoint).toBe(0)
    await clock.advance(1)
    await settled()
    expect(log.recoveryPoint).toBe(1)
  })
})

describe('the checkpoints', () => {
  it('are written some time after something moved, each after its own interval', async () => {
    const { log, files, clock } = await open({}, { recoveryPointCheckpointIntervalMs: 20_000 })
    await log.append(batch(3), 'client')
    await clock.advance(5000)
    await settled()
    expect(await textOf(files, highWatermarks)).toBe('0\n1\ntopic 0 3\n')
    await clock.advance(19_999)
    expect(await textOf(files, recoveryPoints)).toBeUndefined()
    await clock.advance(1)
    await settled()
    expect(await textOf(files, recoveryPoints)).toBe('0\n1\ntopic 0 3\n')
  })

  it('let a start after a crash read only what lies behind the recovery point', async () => {
    const { log, files, clock } = await open({ segmentBytes: 300 })
    for (let index = 0; index < 10; index += 1) await log.append(batch(2), 'client')
    await clock.advance(70_000)
    await settled()
    const survivor = files.afterCrash()
    const read = new Set<string>()
    survivor.beforeCall = (operation, file) => {
      if (operation === 'read') read.add(file)
    }
    const again = await open({ segmentBytes: 300 }, {}, survivor)
    expect([again.log.logEndOffset, read.size]).toEqual([20, 1])
  })

  it('are not written, and nothing else is, while nobody writes', async () => {
    const { log, files, clock } = await open()
    await log.append(batch(3), 'client')
    await clock.advance(200_000)
    await settled()
    let calls = 0
    files.beforeCall = () => {
      calls += 1
    }
    await clock.advance(10_000_000)
    await settled()
    expect(calls).toBe(0)
  })

  it('forget the log start offset once the segments below it are gone for good', async () => {
    const { log, files, clock, directory } = await open({ segmentBytes: 300 })
    for (let index = 0; index < 10; index += 1) await log.append(batch(2), 'client')
    await log.deleteRecordsBefore(-1)
    await directory.enforceRetention()
    const start = (await files.list('data/topic-0'))
      .filter((name) => name.endsWith('.log'))
      .map((name) => +name.slice(0, 20))
    await log.append(batch(1), 'client')
    expect([log.logStartOffset, await textOf(files, startOffsets)]).toEqual([20, '0\n1\ntopic 0 20\n'])
    log.applyConfig(config({ segmentBytes: 100 }))
    await log.append(batch(1), 'client')
    await log.deleteRecordsBefore(-1)
    log.applyConfig(config({ retentionBytes: 0 }))
    await directory.enforceRetention()
    await clock.advance(60_000)
    await settled()
    expect([start.length, await textOf(files, startOffsets)]).toEqual([1, '0\n0\n'])
  })

  it('do not give a new partition the offsets of a deleted one of the same name', async () => {
    const { log, files, clock, directory } = await open()
    for (let index = 0; index < 10; index += 1) await log.append(batch(2), 'client')
    await log.deleteRecordsBefore(15)
    await clock.advance(70_000)
    await settled()
    await directory.deletePartition('topic', 0)
    await (await openLog(directory)).append(batch(3), 'client')
    const survivor = files.afterCrash()
    expect(await textOf(survivor, recoveryPoints)).toBe('0\n0\n')
    const again = await open({}, {}, survivor)
    expect(await readAll(again.log)).toEqual([0, 1, 2])
  })

  it('do not give it those offsets either where a crash came before they had forgotten the deleted one', async () => {
    const { log, files, directory } = await open()
    for (let index = 0; index < 10; index += 1) await log.append(batch(2), 'client')
    await log.flush()
    await log.deleteRecordsBefore(15)
    await directory.checkpoint()
    const { replaceFile } = files
    files.replaceFile = async (file, ...rest) => {
      if (file.endsWith('-checkpoint')) return await new Promise(() => {})
      return await replaceFile.call(files, file, ...rest)
    }
    void directory.deletePartition('topic', 0)
    await settled()
    const survivor = files.afterCrash()
    expect(await textOf(survivor, recoveryPoints)).toBe('0\n1\ntopic 0 20\n')
    const next = await open({}, {}, survivor)
    await next.log.append(batch(3), 'client')
    const again = await open({}, {}, survivor.afterCrash())
    expect(await readAll(again.log)).toEqual([0, 1, 2])
  })

  it('are written once for thousands of partitions that are deleted together', async () => {
    const { log, files, clock, directory } = await open()
    await log.append(batch(1), 'client')
    const topics = Array.from({ length: 100 }, (_, index) => `topic-${index}`)
    for (const topic of topics) await openLog(directory, {}, topic)
    await directory.checkpoint()
    const written: string[] = []
    files.beforeCall = (operation, file) => {
      if (operation === 'replaceFile' && file.endsWith('-offset-checkpoint')) written.push(file)
    }
    for (const topic of topics) await directory.deletePartition(topic, 0)
    expect(written).toEqual([])
    await clock.advance(60_000)
    await settled()
    expect(written.sort()).toEqual([recoveryPoints, highWatermarks].sort())
    expect(await textOf(files, recoveryPoints)).toBe('0\n1\ntopic 0 1\n')
  })

  it('take the recovery point back before a truncation takes bytes', async () => {
    const { log, files, directory } = await open()
    for (let index = 0; index < 5; index += 1) await log.append(batch(2), 'client')
    await log.flush()
    await directory.checkpoint()
    await log.truncate(4)
    await log.append(batch(1), 'client')
    expect(await textOf(files, recoveryPoints)).toBe('0\n1\ntopic 0 0\n')
  })

  it('are tried again later when they cannot be written', async () => {
    const { log, files, clock } = await open()
    await log.append(batch(3), 'client')
    let fails = true
    files.beforeCall = (operation, file) => {
      if (fails && operation === 'replaceFile' && file === highWatermarks) throw systemError('ENOSPC', file)
    }
    await clock.advance(5000)
    await settled()
    fails = false
    expect(await textOf(files, highWatermarks)).toBeUndefined()
    await clock.advance(5000)
    await settled()
    expect(await textOf(files, highWatermarks)).toBe('0\n1\ntopic 0 3\n')
  })
})
