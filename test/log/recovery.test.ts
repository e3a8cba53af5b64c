/** What a partition's directory gives back after clean stops, crashes and damage. */
import { describe, expect, it } from 'vitest'
import { buildEndTransactionMarker } from '../../protocol/records/control-records.ts'
import type { LocalPartitionLog } from '../../src/log/local-partition-log.ts'
import type { LogConfig } from '../../src/log/log-config.ts'
import type { LogDirectory } from '../../src/log/log-directory.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import type { Logger } from '../../src/runtime/logger.ts'
import { MemoryFileSystem, systemError } from '../../src/runtime/memory-file-system.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { batch, config, openDirectory, openLog, readAll, sequenced, startMs } from './fixtures.ts'
import { UnreliablePartitionLog } from './unreliable-partition-log.ts'

const segment = 'data/topic-0/00000000000000000000.log'

async function written(files: MemoryFileSystem, overrides: Partial<LogConfig> = {}): Promise<LogDirectory> {
  const directory = await openDirectory(files)
  const log = await openLog(directory, overrides)
  for (let sequence = 0; sequence < 10; sequence += 1) await log.append(sequenced(5n, 0, sequence * 2, 2), 'client')
  return directory
}

async function reopen(
  files: MemoryFileSystem,
  overrides: Partial<LogConfig> = {},
  logger?: Logger,
): Promise<{ directory: LogDirectory; log: LocalPartitionLog }> {
  const directory = await openDirectory(files, logger === undefined ? {} : { logger })
  return { directory, log: await openLog(directory, overrides) }
}

function warnings(): { logger: Logger; messages: string[] } {
  const messages: string[] = []
  const logger = {
    debug() {},
    info() {},
    error() {},
    warn: (_fields: object, message: string) => messages.push(message),
  }
  return { logger, messages }
}

function upTo(end: number): number[] {
  return Array.from({ length: end }, (_, offset) => offset)
}

async function fileBytes(files: MemoryFileSystem, path: string): Promise<Buffer> {
  return Buffer.from(await files.readFile(path))
}

describe('after a clean stop', () => {
  it('everything is there, and a repeated batch is still a duplicate', async () => {
    const files = new MemoryFileSystem()
    await (await written(files)).close()
    const { directory, log } = await reopen(files)
    expect(directory.wasCleanlyStopped).toBe(true)
    expect(await readAll(log)).toEqual(upTo(20))
    expect((await log.append(sequenced(5n, 0, 18, 2), 'client')).baseOffset).toBe(18)
    expect((await log.append(sequenced(5n, 0, 20, 2), 'client')).baseOffset).toBe(20)
  })

  it('no byte of a segment is read but what lies behind its last index entry', async () => {
    const files = new MemoryFileSystem()
    await (await written(files, { segmentBytes: 300, indexIntervalBytes: 1 })).close()
    const read: string[] = []
    files.beforeCall = (operation, path) => {
      if (operation === 'read') read.push(path)
    }
    const { log } = await reopen(files, { segmentBytes: 300, indexIntervalBytes: 1 })
    expect(new Set(read).size).toBe(1)
    files.beforeCall = () => {}
    expect(await readAll(log)).toEqual(upTo(20))
  })

  it('the start offset and leader epochs are kept', async () => {
    const files = new MemoryFileSystem()
    const first = await written(files)
    const log = first.partition('topic', 0)!
    await log.becomeLeader(4)
    await log.append(batch(1), 'client')
    await log.deleteRecordsBefore(7)
    await first.close()
    const { log: again } = await reopen(files)
    expect(again.logStartOffset).toBe(7)
    expect(again.leaderEpoch).toBe(4)
    expect(again.endOffsetForEpoch(0)).toEqual({ leaderEpoch: 0, endOffset: 20 })
    expect((await files.readFile('data/log-start-offset-checkpoint')).toString()).toBe('0\n1\ntopic 0 7\n')
    expect((await files.readFile('data/topic-0/leader-epoch-checkpoint')).toString()).toBe('0\n2\n0 7\n4 20\n')
  })

  it('missing or broken indexes and snapshots are made again', async () => {
    const overrides = { segmentBytes: 400, indexIntervalBytes: 1 }
    for (const damage of ['missing', 'odd length', 'nonsense'] as const) {
      const files = new MemoryFileSystem()
      await (await written(files, overrides)).close()
      for (const name of await files.list('data/topic-0')) {
        if (!/\.(index|timeindex|snapshot)$/.test(name)) continue
        const path = `data/topic-0/${name}`
        if (damage === 'missing') await files.remove(path)
        if (damage === 'odd length') await files.replaceFile(path, Buffer.alloc(7, 1))
        if (damage === 'nonsense') await files.replaceFile(path, Buffer.alloc(24, 0x7f))
      }
      const { directory, log } = await reopen(files, overrides)
      expect(await readAll(log)).toEqual(upTo(20))
      expect(await log.offsetForTimestamp(startMs, 'high_watermark')).toMatchObject({ offset: 0 })
      expect((await log.append(sequenced(5n, 0, 18, 2), 'client')).baseOffset).toBe(18)
      await directory.close()
    }
  })

  it('producers are forgotten once producer.id.expiration.ms has passed, save those with an open transaction', async () => {
    const files = new MemoryFileSystem()
    const clock = new SimulatedClock(startMs)
    const directory = await openDirectory(files, {
      clock,
      limits: { producerIdExpirationMs: 10_000, producerIdExpirationCheckIntervalMs: 6000 },
    })
    const log = await openLog(directory)
    await log.append(sequenced(5n, 0, 0), 'client')
    await log.append(
      batch(1, {}, { producerId: 6n, producerEpoch: 0, baseSequence: 0, isTransactional: true }),
      'coordinator',
    )
    await clock.advance(6000)
    expect(log.producerStates().length).toBe(2)
    await clock.advance(6000)
    expect(log.producerStates().map(({ producerId }) => producerId)).toEqual([6n])
    await directory.close()
  })
})

describe('after a crash', () => {
  it('everything acknowledged is there, and all five remembered batches are still duplicates', async () => {
    const files = new MemoryFileSystem()
    await written(files)
    const survivor = files.afterCrash()
    const { directory, log } = await reopen(survivor)
    expect(directory.wasCleanlyStopped).toBe(false)
    expect(await readAll(log)).toEqual(upTo(20))
    for (const sequence of [18, 16, 14, 12, 10]) {
      expect((await log.append(sequenced(5n, 0, sequence, 2), 'client')).baseOffset).toBe(sequence)
    }
  })

  it('a tail torn at any byte is cut off, with one line that says how much', async () => {
    const files = new MemoryFileSystem()
    await written(files)
    const whole = await fileBytes(files, segment)
    const batchBytes = whole.length / 10
    for (let length = whole.length - 2 * batchBytes; length < whole.length; length += 1) {
      const survivor = files.afterCrash((path, size) => (path === segment ? length : size))
      const { logger, messages } = warnings()
      const { directory, log } = await reopen(survivor, {}, logger)
      const batches = Math.floor(length / batchBytes)
      const torn = length - batches * batchBytes
      expect(log.logEndOffset).toBe(batches * 2)
      expect(messages).toEqual(
        torn === 0 ? [] : [`cut off ${torn} bytes that are no whole batches: the log ends at offset ${batches * 2}`],
      )
      expect((await log.append(sequenced(5n, 0, batches * 2, 2), 'client')).baseOffset).toBe(batches * 2)
      expect(await readAll(log)).toEqual(upTo(batches * 2 + 2))
      await directory.close()
    }
  })

  it('a tail of zeros or noise is cut off', async () => {
    for (const fill of [0, 0xff, 1]) {
      const files = new MemoryFileSystem()
      await written(files)
      const survivor = files.afterCrash()
      const whole = await fileBytes(survivor, segment)
      await survivor.replaceFile(segment, Buffer.concat([whole, Buffer.alloc(5000, fill)]))
      const { log } = await reopen(survivor)
      expect(await readAll(log)).toEqual(upTo(20))
      expect(log.sizeInBytes).toBe(whole.length)
    }
  })

  it('the log ends before the first batch whose checksum is wrong, in whichever segment', async () => {
    const files = new MemoryFileSystem()
    await written(files, { segmentBytes: 300, indexIntervalBytes: 1 })
    const names = (await files.list('data/topic-0')).filter((name) => name.endsWith('.log'))
    expect(names.length).toBeGreaterThan(3)
    const damaged = `data/topic-0/${names[2]}`
    const survivor = files.afterCrash()
    const bytes = await fileBytes(survivor, damaged)
    bytes[bytes.length - 1] = bytes[bytes.length - 1]! ^ 1
    await survivor.replaceFile(damaged, bytes)
    const { logger, messages } = warnings()
    const { log } = await reopen(survivor, { segmentBytes: 300, indexIntervalBytes: 1 }, logger)
    const end = Number(names[3]!.slice(0, 20)) - 2
    expect(log.logEndOffset).toBe(end)
    expect(messages.length).toBe(1)
    expect((await survivor.list('data/topic-0')).filter((name) => name.endsWith('.log'))).toEqual(names.slice(0, 3))
    expect((await log.append(sequenced(5n, 0, end, 2), 'client')).baseOffset).toBe(end)
    expect(await readAll(log)).toEqual(upTo(end + 2))
  })

  it('a log whose last batches are missing does not go on at an empty segment behind them, unless it is compacted', async () => {
    for (const compacted of [false, true]) {
      const overrides = { segmentBytes: 300, compacted }
      const files = new MemoryFileSystem()
      await written(files, overrides)
      const [before, last] = (await files.list('data/topic-0')).filter((name) => name.endsWith('.log')).slice(-2)
      const batchBytes = batch(2, {}, { producerId: 5n, producerEpoch: 0, baseSequence: 0 }).length
      const survivor = files.afterCrash((path, size) => {
        if (path.endsWith(last!)) return 0
        return path.endsWith(before!) ? size - batchBytes : size
      })
      const { log } = await reopen(survivor, overrides)
      const end = compacted ? Number(last!.slice(0, 20)) : Number(last!.slice(0, 20)) - 2
      expect(log.logEndOffset).toBe(end)
      expect((await log.append(batch(1), 'client')).baseOffset).toBe(end)
    }
  })

  it('nothing below the recovery point is read', async () => {
    const overrides = { segmentBytes: 300 }
    const files = new MemoryFileSystem()
    const directory = await written(files, overrides)
    await directory.partition('topic', 0)!.flush()
    await directory.checkpoint()
    const survivor = files.afterCrash()
    const read = new Set<string>()
    survivor.beforeCall = (operation, path) => {
      if (operation === 'read') read.add(path)
    }
    const { log } = await reopen(survivor, overrides)
    expect([...read]).toEqual([
      (await survivor.list('data/topic-0'))
        .filter((name) => name.endsWith('.log'))
        .map((name) => `data/topic-0/${name}`)
        .at(-1),
    ])
    expect(log.logEndOffset).toBe(20)
  })

  it('after a power failure all that was flushed is there', async () => {
    const files = new MemoryFileSystem()
    const directory = await written(files, { segmentBytes: 300 })
    const log = directory.partition('topic', 0)!
    await log.flush()
    await log.append(batch(3), 'client')
    const survivor = files.afterCrash((_path, _size, syncedSize) => syncedSize)
    const { log: again } = await reopen(survivor, { segmentBytes: 300 })
    expect(await readAll(again)).toEqual(upTo(20))
  })

  it('transactions are as they were: open, aborted and committed', async () => {
    const files = new MemoryFileSystem()
    const directory = await openDirectory(files)
    const log = await openLog(directory, { segmentBytes: 250 })
    for (const [index, type] of (['ABORT', 'COMMIT', 'ABORT', undefined] as const).entries()) {
      const header = { producerId: BigInt(index), producerEpoch: 0, baseSequence: 0, isTransactional: true }
      await log.append(batch(2, {}, header), 'coordinator')
      const marker = { producerId: BigInt(index), producerEpoch: 0, coordinatorEpoch: 0, timestamp: startMs }
      if (type !== undefined) await log.append(buildEndTransactionMarker({ ...marker, type }), 'coordinator')
    }
    const expected = [
      { producerId: 0n, firstOffset: 0 },
      { producerId: 2n, firstOffset: 6 },
    ]
    expect(await log.abortedTransactions(0, 100)).toEqual(expected)
    for (const survivor of [
      files.afterCrash(),
      files.afterCrash((path, size) => (path.endsWith('index') ? 0 : size)),
    ]) {
      const { directory: second, log: again } = await reopen(survivor, { segmentBytes: 250 })
      expect(again.lastStableOffset).toBe(9)
      expect(await again.abortedTransactions(0, 100)).toEqual(expected)
      await second.close()
      const { log: third } = await reopen(survivor, { segmentBytes: 250 })
      expect(third.lastStableOffset).toBe(9)
      const read = await third.read(0, { maxBytes: 1, minOneBatch: true, isolation: 'txn_committed' })
      expect(read).toMatchObject({ lastStableOffset: 9, abortedTransactions: expected.slice(0, 1) })
      expect(read.records).toHaveLength(1)
      expect(await third.abortedTransactions(0, 100)).toEqual(expected)
    }
  })

  it('left-over files of deleted segments and half-made ones are removed', async () => {
    const files = new MemoryFileSystem()
    await (await written(files)).close()
    for (const name of [
      '00000000000000000003.log.deleted',
      '00000000000000000003.log.cleaned',
      '00000000000000000009.index',
    ]) {
      await files.replaceFile(`data/topic-0/${name}`, 'x')
    }
    await reopen(files)
    expect((await files.list('data/topic-0')).filter((name) => /cleaned|deleted|0009/.test(name))).toEqual([])
  })
})

describe('a log that is being closed', () => {
  it('writes what waits, and takes no more', async () => {
    const files = new MemoryFileSystem()
    const directory = await written(files)
    const log = directory.partition('topic', 0)!
    const waiting = log.append(batch(2, { valueBytes: 300_000 }), 'client')
    const closing = log.close()
    await expect(log.append(batch(1), 'client')).rejects.toMatchObject({ kafkaError: 'KAFKA_STORAGE_ERROR' })
    expect((await waiting).baseOffset).toBe(20)
    await closing
    await directory.close()
    const { directory: second, log: again } = await reopen(files)
    expect(second.wasCleanlyStopped).toBe(true)
    expect(again.logEndOffset).toBe(22)
  })
})

describe('a failing disk', () => {
  it('takes the partition offline; the next start has all that was acknowledged', async () => {
    const files = new MemoryFileSystem()
    const directory = await written(files)
    const log = directory.partition('topic', 0)!
    files.beforeCall = (operation, path) => {
      if (operation === 'write' && path === segment) throw systemError('ENOSPC', path)
    }
    await expect(log.append(batch(1), 'client')).rejects.toMatchObject({ kafkaError: 'KAFKA_STORAGE_ERROR' })
    files.beforeCall = () => {}
    await expect(log.append(batch(1), 'client')).rejects.toMatchObject({ kafkaError: 'KAFKA_STORAGE_ERROR' })
    await directory.close()
    expect(await files.exists('data/.kafka_cleanshutdown')).toBe(false)
    const { log: again } = await reopen(files)
    expect(await readAll(again)).toEqual(upTo(20))
  })

  it('that fails a sync is given up as a whole', async () => {
    const files = new MemoryFileSystem()
    const directory = await written(files)
    const other = await openLog(directory, {}, 'other')
    files.beforeCall = (operation, path) => {
      if (operation === 'sync') throw systemError('EIO', path)
    }
    await expect(directory.partition('topic', 0)!.flush()).rejects.toMatchObject({ kafkaError: 'KAFKA_STORAGE_ERROR' })
    files.beforeCall = () => {}
    await expect(other.append(batch(1), 'client')).rejects.toMatchObject({ kafkaError: 'KAFKA_STORAGE_ERROR' })
    await directory.close()
    expect(await files.exists('data/.kafka_cleanshutdown')).toBe(false)
  })

  it('that fails while a segment is rolled fails what waits for it', async () => {
    const files = new MemoryFileSystem()
    const directory = await written(files, { segmentBytes: 300 })
    files.beforeCall = (operation, path) => {
      if (operation === 'open') throw systemError('EMFILE', path)
    }
    const log = directory.partition('topic', 0)!
    const appends = [0, 1, 2, 3, 4].map((index) => log.append(sequenced(5n, 0, 20 + index * 2, 2), 'client'))
    const outcomes = await Promise.allSettled(appends)
    const written20 = outcomes.filter(({ status }) => status === 'fulfilled').length
    expect(outcomes.map(({ status }) => status)).toEqual(
      outcomes.map((_, index) => (index < written20 ? 'fulfilled' : 'rejected')),
    )
    expect(written20).toBeLessThan(5)
    expect(log.logEndOffset).toBe(20 + written20 * 2)
  })
})

describe('any sequence of calls', () => {
  it('leaves the same log as a model, across crashes and restarts', async () => {
    for (let seed = 1; seed <= 25; seed += 1) {
      const random = new SeededRandom(seed)
      const pick = (limit: number): number => Math.floor(random.fraction() * limit)
      let files = new MemoryFileSystem()
      const overrides = { segmentBytes: 1000 + pick(2000), indexIntervalBytes: pick(400) }
      const limits = { tailCacheBytes: pick(3) * 1500, maxOpenFiles: 1 + pick(5) }
      let directory = await openDirectory(files, { limits })
      let log = await openLog(directory, overrides)
      const model = new UnreliablePartitionLog({
        config: config(overrides),
        clock: new SimulatedClock(startMs),
        maxTurns: 0,
      })
      await model.becomeLeader(0)
      let sequence = 0
      for (let step = 0; step < 40; step += 1) {
        const call = pick(10)
        if (call < 6) {
          const count = 1 + pick(4)
          const valueBytes = pick(200)
          const timestamp = startMs - pick(1000)
          const header = pick(2) === 0 ? {} : { producerId: 1n, producerEpoch: 0, baseSequence: sequence }
          if ('producerId' in header) sequence += count
          const both = [log, model].map((each) =>
            each.append(batch(count, { valueBytes, timestamp }, header), 'client'),
          )
          if (pick(2) === 0) expect(await both[0]).toEqual(await both[1])
        } else if (call === 6) {
          await Promise.all([log.flush(), model.flush()])
          const from = model.logStartOffset + pick(model.logEndOffset - model.logStartOffset + 1)
          await log.deleteRecordsBefore(from)
          await model.deleteRecordsBefore(from)
        } else if (call === 7) {
          await log.flush()
          await directory.checkpoint()
        } else {
          await Promise.all([log.flush(), model.flush()])
          if (call === 8) await directory.close()
          files = files.afterCrash()
          directory = await openDirectory(files, { limits })
          log = await openLog(directory, overrides)
        }
        if (step % 8 !== 0) continue
        await Promise.all([log.flush(), model.flush()])
        expect({ seed, step, end: log.logEndOffset }).toEqual({ seed, step, end: model.logEndOffset })
        expect(log.logStartOffset).toBe(model.logStartOffset)
        expect(await readAll(log, undefined, 700)).toEqual(await readAll(model, undefined, 700))
        for (const timestampMs of [startMs - 900, startMs - 500, startMs]) {
          const found = await log.offsetForTimestamp(timestampMs, 'high_watermark')
          expect(found).toEqual(await model.offsetForTimestamp(timestampMs, 'high_watermark'))
        }
        expect(await log.offsetOfMaxTimestamp()).toEqual(await model.offsetOfMaxTimestamp())
        expect(log.producerStates()).toEqual(model.producerStates())
      }
      await directory.close()
    }
  })
})
