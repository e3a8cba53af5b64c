/** What compaction leaves of a partition's log: records, offsets, markers, producers, and what readers see meanwhile. */
import { describe, expect, it } from 'vitest'
import { batchesIn } from '../../../protocol/records/batches.ts'
import { buildRecordBatch, type RecordBatchOptions } from '../../../protocol/records/builder.ts'
import { buildEndTransactionMarker } from '../../../protocol/records/control-records.ts'
import { type KafkaRecord, recordsOf } from '../../../protocol/records/record.ts'
import type { RecordBatchView } from '../../../protocol/records/record-batch.ts'
import { compactorHere } from '../../../src/log/compaction/compaction-run.ts'
import type { LocalPartitionLog } from '../../../src/log/local-partition-log.ts'
import type { LogConfig } from '../../../src/log/log-config.ts'
import type { LogDirectory, LogDirectoryOptions } from '../../../src/log/log-directory.ts'
import type { Isolation } from '../../../src/log/partition-log.ts'
import { type Clock, SimulatedClock } from '../../../src/runtime/clock.ts'
import { MemoryFileSystem, systemError } from '../../../src/runtime/memory-file-system.ts'
import { SeededRandom } from '../../../src/runtime/random.ts'
import { SimulatedDisk } from '../../../src/runtime/simulated-disk.ts'
import { SimulatedFileSystem } from '../../../src/runtime/simulated-file-system.ts'
import { nextTurn } from '../../../src/runtime/turns.ts'
import { openDirectory, openLog, startMs } from '../fixtures.ts'

const compacted = { compacted: true, deletes: false, segmentBytes: 300, minCleanableDirtyRatio: 0 }

/** `a=1`: a key and its value; `a`: its tombstone. */
function keyed(pairs: string, options: RecordBatchOptions = {}, timestamp = startMs): Buffer {
  return buildRecordBatch(
    options,
    pairs.split(' ').map((pair) => {
      const [key, value] = pair.split('=')
      return { timestamp, key: Buffer.from(key!), value: value === undefined ? null : Buffer.from(value) }
    }),
  )
}

async function batches(log: LocalPartitionLog, isolation: Isolation = 'log_end'): Promise<RecordBatchView[]> {
  const found: RecordBatchView[] = []
  for (let offset = log.logStartOffset; ; ) {
    const { records } = await log.read(offset, { maxBytes: 150, minOneBatch: true, isolation })
    const views = [...batchesIn(Buffer.concat(records))]
    if (views.length === 0) return found
    found.push(...views)
    offset = views.at(-1)!.nextOffset
  }
}

function text({ offset, key, value }: KafkaRecord): string {
  return `${offset}:${key}${value === null ? '' : `=${value}`}`
}

/** `offset:key=value` of every record that is not a marker. */
async function contents(log: LocalPartitionLog): Promise<string[]> {
  return (await batches(log)).filter((view) => !view.isControl).flatMap((view) => [...recordsOf(view)].map(text))
}

async function start(
  overrides: Partial<LogConfig> = {},
  more: Partial<LogDirectoryOptions> = {},
): Promise<{ files: MemoryFileSystem; clock: SimulatedClock; directory: LogDirectory; log: LocalPartitionLog }> {
  const files = new MemoryFileSystem()
  const clock = new SimulatedClock(startMs)
  const directory = await openDirectory(files, { clock, ...more })
  return { files, clock, directory, log: await openLog(directory, { ...compacted, ...overrides }) }
}

/** Ends the active segment, so that all before can be compacted. */
async function roll(log: LocalPartitionLog): Promise<void> {
  await log.append(keyed(`filler=${'x'.repeat(210)}`), 'client')
  await log.append(keyed(`filler=${'y'.repeat(210)}`), 'client')
}

const withoutFiller = (records: readonly string[]): string[] => records.filter((each) => !each.includes('filler'))

async function segmentNames(files: MemoryFileSystem): Promise<string[]> {
  return (await files.list('data/topic-0')).filter((name) => name.endsWith('.log')).map((name) => name.slice(15, 20))
}

async function sizes(files: MemoryFileSystem): Promise<{ name: string; size: number }[]> {
  const names = (await files.list('data/topic-0')).filter((name) => name.endsWith('.log'))
  return await Promise.all(names.map(async (name) => ({ name, size: await files.sizeOf(`data/topic-0/${name}`) })))
}

describe('compaction', () => {
  it('keeps the newest record of each key where it was, and all of the active segment', async () => {
    const { directory, log } = await start()
    await log.append(keyed('a=1 b=1 c=1'), 'client')
    await log.append(keyed('a=2 d=1'), 'client')
    await log.append(keyed('a=3 c=2'), 'client')
    await roll(log)
    const end = log.logEndOffset
    await directory.compact()
    expect(withoutFiller(await contents(log))).toEqual(['1:b=1', '4:d=1', '5:a=3', '6:c=2'])
    expect(log.logEndOffset).toBe(end)
    expect(log.logStartOffset).toBe(0)
    expect(log.highWatermark).toBe(end)
  })

  it('leaves a batch of which all records stay byte for byte, whatever its codec', async () => {
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
      const { directory, log } = await start()
      await log.append(keyed('a=1 b=1', { codec }), 'client')
      await log.append(keyed('a=2 c=1', { codec }), 'client')
      await log.append(keyed('d=2 e=1', { codec }), 'client')
      await roll(log)
      const before = (await batches(log)).map(({ bytes }) => Buffer.from(bytes))
      await directory.compact()
      const after = await batches(log)
      expect(after[1]!.bytes.equals(before[1]!)).toBe(true)
      expect(after[2]!.bytes.equals(before[2]!)).toBe(true)
      expect(after[0]).toMatchObject({ codec, baseOffset: 0, lastOffset: 1, recordCount: 1 })
      expect(after[0]!.isCrcValid()).toBe(true)
      expect(withoutFiller(await contents(log))).toEqual(['1:b=1', '2:a=2', '3:c=1', '4:d=2', '5:e=1'])
    }
  })

  it('joins small segments to one that is not larger than segment.bytes, and removes the old files later', async () => {
    const { files, clock, directory, log } = await start({ fileDeleteDelayMs: 1000 })
    for (let round = 0; round < 12; round += 1)
      await log.append(keyed(`a=${round} b${round % 2}=${'z'.repeat(80)}`), 'client')
    const before = await segmentNames(files)
    expect(before.length).toBeGreaterThan(5)
    await directory.compact()
    await roll(log)
    await directory.compact()
    expect((await segmentNames(files)).length).toBeLessThan(6)
    for (const { size } of await sizes(files)) expect(size).toBeLessThanOrEqual(300)
    const deleted = async () => (await files.list('data/topic-0')).filter((name) => name.endsWith('.deleted')).length
    expect(await deleted()).toBeGreaterThan(0)
    await clock.advance(1000)
    expect(await deleted()).toBe(0)
  })

  it('goes on where it ended, also after a restart, and does nothing when nothing is dirty', async () => {
    const { files, directory, log } = await start()
    await log.append(keyed('a=1 b=1'), 'client')
    await log.append(keyed('a=2'), 'client')
    await roll(log)
    await directory.compact()
    expect((await files.readFile('data/cleaner-offset-checkpoint')).toString()).toBe('0\n1\ntopic 0 4\n')
    await directory.close()
    const again = await openDirectory(files)
    const reopened = await openLog(again, compacted)
    expect(reopened.compaction.cleanedOffset).toBe(4)
    const calls: string[] = []
    files.beforeCall = (operation, path) => void calls.push(`${operation} ${path}`)
    await again.compact()
    expect(calls).toEqual([])
    await reopened.append(keyed('b=2'), 'client')
    await roll(reopened)
    await again.compact()
    expect(withoutFiller(await contents(reopened))).toEqual(['2:a=2', '5:b=2'])
  })

  it('waits for min.cleanable.dirty.ratio', async () => {
    const { directory, log } = await start({ minCleanableDirtyRatio: 0.6 })
    for (const key of ['a', 'b', 'c', 'd']) await log.append(keyed(`${key}=${'1'.repeat(200)}`), 'client')
    await directory.compact()
    await log.append(keyed(`a=${'2'.repeat(200)}`), 'client')
    await log.append(keyed(`b=${'2'.repeat(200)}`), 'client')
    await directory.compact()
    expect((await contents(log)).length).toBe(6)
    for (const key of ['a', 'b', 'c', 'd']) await log.append(keyed(`${key}=${'3'.repeat(200)}`), 'client')
    await directory.compact()
    // Offset 9 is in the active segment: what it takes the place of stays.
    expect((await contents(log)).map((each) => each.slice(0, 5))).toEqual(['3:d=1', '6:a=3', '7:b=3', '8:c=3', '9:d=3'])
  })

  it('leaves alone what is younger than min.compaction.lag.ms', async () => {
    const { clock, directory, log } = await start({ minCompactionLagMs: 10_000 })
    await log.append(keyed('a=1'), 'client')
    await roll(log)
    await log.append(keyed('a=2', {}, startMs + 5000), 'client')
    await roll(log)
    await directory.compact()
    expect(withoutFiller(await contents(log))).toEqual(['0:a=1', '3:a=2'])
    await clock.advance(10_001)
    await directory.compact()
    // Of what is old enough a=1 is still the newest.
    expect(withoutFiller(await contents(log))).toEqual(['0:a=1', '3:a=2'])
    await clock.advance(5000)
    await directory.compact()
    expect(withoutFiller(await contents(log))).toEqual(['3:a=2'])
  })

  it('does not wait longer than max.compaction.lag.ms, however little is dirty', async () => {
    const { clock, directory, log } = await start({ minCleanableDirtyRatio: 1, maxCompactionLagMs: 60_000 })
    await log.append(keyed('a=1'), 'client')
    await log.append(keyed('a=2'), 'client')
    await roll(log)
    await directory.compact()
    expect(withoutFiller(await contents(log))).toEqual(['0:a=1', '1:a=2'])
    await clock.advance(60_001)
    await directory.compact()
    expect(withoutFiller(await contents(log))).toEqual(['1:a=2'])
  })

  it('keeps a tombstone for delete.retention.ms from the first compaction that met it', async () => {
    const { clock, directory, log } = await start({ deleteRetentionMs: 5000 })
    await log.append(keyed('a=1 b=1'), 'client')
    await log.append(keyed('a'), 'client')
    await roll(log)
    await directory.compact()
    expect(withoutFiller(await contents(log))).toEqual(['1:b=1', '2:a'])
    const tombstone = (await batches(log)).find(({ baseOffset }) => baseOffset === 2)!
    expect(tombstone.deleteHorizonMs).toBe(startMs + 5000)
    expect([...recordsOf(tombstone)][0]!.timestamp).toBe(startMs)
    await clock.advance(4999)
    await roll(log)
    await directory.compact()
    expect(withoutFiller(await contents(log))).toEqual(['1:b=1', '2:a'])
    expect((await batches(log)).find(({ baseOffset }) => baseOffset === 2)!.deleteHorizonMs).toBe(startMs + 5000)
    await clock.advance(1)
    await roll(log)
    await directory.compact()
    expect(withoutFiller(await contents(log))).toEqual(['1:b=1'])
  })

  it('runs by itself every log.cleaner.backoff.ms', async () => {
    const { clock, log } = await start()
    await log.append(keyed('a=1'), 'client')
    await log.append(keyed('a=2'), 'client')
    await roll(log)
    await clock.advance(14_999)
    expect(withoutFiller(await contents(log))).toEqual(['0:a=1', '1:a=2'])
    await clock.advance(1)
    for (let turn = 0; log.compaction.cleanedOffset === 0 && turn < 100; turn += 1) await nextTurn()
    expect(withoutFiller(await contents(log))).toEqual(['1:a=2'])
  })

  it('does nothing with log.cleaner.enable=false, nor for a topic that is not compacted', async () => {
    for (const [overrides, isEnabled] of [
      [{}, false],
      [{ compacted: false }, true],
    ] as const) {
      const { directory, log } = await start(overrides)
      directory.cleanerLimits = { isEnabled, threads: 1, mapBytes: 2 ** 20, maxBytesPerSecond: 1e9, backoffMs: 1 }
      await log.append(keyed('a=1'), 'client')
      await log.append(keyed('a=2'), 'client')
      await roll(log)
      await directory.compact()
      expect(withoutFiller(await contents(log))).toEqual(['0:a=1', '1:a=2'])
    }
  })

  it('needs several runs where the keys do not fit its memory', async () => {
    const { directory, log } = await start({ segmentBytes: 40_000 })
    directory.cleanerLimits = { isEnabled: true, threads: 1, mapBytes: 60_000, maxBytesPerSecond: 1e12, backoffMs: 1e6 }
    const pairs = (from: number, value: string) =>
      Array.from({ length: 100 }, (_, index) => `key-${from + index}=${value}`).join(' ')
    for (let from = 0; from < 5000; from += 100) await log.append(keyed(pairs(from, '1')), 'client')
    for (let from = 0; from < 5000; from += 100) await log.append(keyed(pairs(from, '2')), 'client')
    await log.append(keyed(`filler=${'x'.repeat(39_000)}`), 'client')
    await log.append(keyed(`filler=${'x'.repeat(39_000)}`), 'client')
    await directory.compact()
    const left = withoutFiller(await contents(log))
    expect(left.length).toBe(5000)
    expect(left.every((each) => each.endsWith('=2'))).toBe(true)
  })

  it('keeps to log.cleaner.io.max.bytes.per.second', async () => {
    const { clock, directory, log } = await start()
    directory.cleanerLimits = { isEnabled: true, threads: 1, mapBytes: 2 ** 20, maxBytesPerSecond: 100, backoffMs: 1e9 }
    for (let round = 0; round < 10; round += 1) await log.append(keyed(`a=${'z'.repeat(100)}`), 'client')
    const bytes = log.sizeInBytes
    let isDone = false
    const compacting = directory.compact().then(() => {
      isDone = true
    })
    await clock.advance((bytes / 100) * 1000)
    expect(isDone).toBe(false)
    await clock.advance((bytes / 100) * 8000)
    await compacting
    expect((await contents(log)).length).toBeLessThan(3)
  })

  it('gives way to others after each piece that it reads, and says how long it kept them waiting', async () => {
    const files = new MemoryFileSystem()
    const clock = new SimulatedClock(startMs)
    let monotonicMs = 0
    /** Each look at it finds 3 ms gone. */
    const workingClock: Clock = {
      now: () => clock.now(),
      monotonicMs: () => (monotonicMs += 3),
      after: (delayMs, run) => clock.after(delayMs, run),
    }
    const turns: number[] = []
    const giveWay = (workedMs: number): void => void turns.push(workedMs)
    const compactor = compactorHere({ files, clock: workingClock, bytesPerTurn: 1000, giveWay })
    const directory = await openDirectory(files, { clock, compactor })
    const log = await openLog(directory, { ...compacted, segmentBytes: 10_000 })
    for (let round = 0; round < 30; round += 1) await log.append(keyed(`a=${'z'.repeat(500)}`), 'client')
    await directory.compact()
    const { size } = (await sizes(files))[0]!
    expect(size).toBeLessThan(1000)
    // Read twice, and one batch fits into a piece.
    expect(turns.length).toBeGreaterThan(2 * 14)
    expect(new Set(turns)).toEqual(new Set([3]))
  })

  it('asks for no more syncs than keep it safe: three files and the names three times, and a snapshot of the producers once', async () => {
    const { files, directory, log } = await start()
    await log.append(keyed('a=1'), 'client')
    await log.append(keyed('a=2'), 'client')
    await roll(log)
    await log.flush()
    const syncs: string[] = []
    files.beforeCall = (operation, path) => {
      if (operation.startsWith('sync') && path.includes('/topic-0')) syncs.push(path.replace(/^.*\/0*/, ''))
    }
    await directory.compact()
    expect(withoutFiller(await contents(log))).toEqual(['1:a=2'])
    const ofGroup = (segment: string): string[] => [
      ...['.index', '.log', '.timeindex'].map((suffix) => `${segment}${suffix}.cleaned`),
      ...['topic-0', 'topic-0', 'topic-0'],
    ]
    expect(syncs.sort()).toEqual(['3.snapshot', 'topic-0', ...ofGroup(''), ...ofGroup('2')].sort())
  })
})

describe('of transactions, compaction', () => {
  const producer = { producerId: 9n, producerEpoch: 0, isTransactional: true }
  const other = { producerId: 10n, producerEpoch: 0, isTransactional: true }
  const end = (type: 'ABORT' | 'COMMIT', { producerId, producerEpoch } = producer) =>
    buildEndTransactionMarker({ type, producerId, producerEpoch, coordinatorEpoch: 0, timestamp: startMs })
  const markers = async (log: LocalPartitionLog) =>
    (await batches(log)).filter((view) => view.isControl && view.recordCount > 0).map(({ baseOffset }) => baseOffset)

  it('does not drop for good what was aborted by a marker that the power may take', async () => {
    const { files, directory, log } = await start()
    await log.append(keyed('a=1', { ...producer, baseSequence: 0 }), 'coordinator')
    await log.append(keyed('b=1'), 'client')
    await roll(log)
    await log.flush()
    await log.append(end('ABORT'), 'coordinator')
    const { logEndOffset } = log
    await directory.compact()
    const left = files.afterCrash((_path, _size, syncedSize) => syncedSize)
    const again = await openLog(await openDirectory(left), compacted)
    expect(again.logEndOffset).toBe(logEndOffset)
    expect(await again.abortedTransactions(0, logEndOffset)).toEqual([{ producerId: 9n, firstOffset: 0 }])
  })

  it('does not drop for good what was committed by a marker that the power may take', async () => {
    const { files, directory, log } = await start()
    await log.append(keyed('a=1'), 'client')
    await log.append(keyed('a=2', { ...producer, baseSequence: 0 }), 'coordinator')
    await roll(log)
    await log.flush()
    await log.append(end('COMMIT'), 'coordinator')
    const { logEndOffset } = log
    await directory.compact()
    expect(withoutFiller(await contents(log))).toEqual(['1:a=2'])
    const left = files.afterCrash((_path, _size, syncedSize) => syncedSize)
    const again = await openLog(await openDirectory(left), compacted)
    expect([again.logEndOffset, again.lastStableOffset]).toEqual([logEndOffset, logEndOffset])
  })

  it('has a start look for the ends of transactions behind what was compacted only, which may lack them', async () => {
    const { files, directory, log } = await start()
    await log.append(keyed('a=1'), 'client')
    await roll(log)
    await directory.checkpoint()
    await log.append(keyed('a=2'), 'client')
    await roll(log)
    await directory.compact()
    const checkpoint = String(await files.readFile('data/recovery-point-offset-checkpoint'))
    expect(Number(/topic 0 (\d+)/.exec(checkpoint)![1])).toBeGreaterThanOrEqual(log.compaction.cleanedOffset)
  })

  it('drops aborted records at once, then their marker after delete.retention.ms', async () => {
    const { clock, directory, log } = await start({ deleteRetentionMs: 1000 })
    await log.append(keyed('a=0'), 'client')
    await log.append(keyed('a=1 b=1', { ...producer, baseSequence: 0 }), 'coordinator')
    await log.append(end('ABORT'), 'coordinator')
    await log.append(keyed('c=1', { ...producer, baseSequence: 2 }), 'coordinator')
    await log.append(end('COMMIT'), 'coordinator')
    await roll(log)
    await directory.compact()
    // a=0 is not taken the place of by a record that never counted.
    expect(withoutFiller(await contents(log))).toEqual(['0:a=0', '4:c=1'])
    expect(await markers(log)).toEqual([3, 5])
    expect(await log.abortedTransactions(0, log.logEndOffset)).toEqual([{ producerId: 9n, firstOffset: 1 }])
    await roll(log)
    await directory.compact()
    expect(await markers(log)).toEqual([3, 5])
    expect(await log.abortedTransactions(0, log.logEndOffset)).toEqual([])
    await clock.advance(1000)
    await roll(log)
    await directory.compact()
    expect(await markers(log)).toEqual([5])
    expect(withoutFiller(await contents(log))).toEqual(['0:a=0', '4:c=1'])
  })

  it('drops the marker of a commit only when none of its records is left', async () => {
    const { clock, directory, log } = await start({ deleteRetentionMs: 1000 })
    await log.append(keyed('a=1', { ...producer, baseSequence: 0 }), 'coordinator')
    await log.append(end('COMMIT'), 'coordinator')
    await log.append(keyed('b=1', { ...other, baseSequence: 0 }), 'coordinator')
    await log.append(end('COMMIT', other), 'coordinator')
    await log.append(keyed('a=2', { ...producer, baseSequence: 1 }), 'coordinator')
    await log.append(end('COMMIT'), 'coordinator')
    for (let round = 0; round < 3; round += 1) {
      await roll(log)
      await directory.compact()
      await clock.advance(1001)
    }
    expect(withoutFiller(await contents(log))).toEqual(['2:b=1', '4:a=2'])
    expect(await markers(log)).toEqual([3, 5])
  })

  it('touches nothing behind the first open one', async () => {
    const { directory, log } = await start()
    await log.append(keyed('a=1'), 'client')
    await log.append(keyed('a=2'), 'client')
    await roll(log)
    await log.append(keyed('t=1', { ...producer, baseSequence: 0 }), 'coordinator')
    await log.append(keyed('a=3'), 'client')
    await roll(log)
    await directory.compact()
    expect(withoutFiller(await contents(log))).toEqual(['1:a=2', '4:t=1', '5:a=3'])
    await log.append(end('ABORT'), 'coordinator')
    await roll(log)
    await directory.compact()
    expect(withoutFiller(await contents(log))).toEqual(['5:a=3'])
  })

  it('takes no records for aborted because an earlier transaction of their producer was whose segments go meanwhile', async () => {
    const { files, directory, log } = await start()
    await log.append(keyed('a=1', { ...producer, baseSequence: 0 }), 'coordinator')
    await log.append(end('ABORT'), 'coordinator')
    await roll(log)
    const first = log.logEndOffset
    await log.append(keyed('b=1', { ...producer, baseSequence: 1 }), 'coordinator')
    await log.append(end('COMMIT'), 'coordinator')
    await log.append(keyed('c=1', { ...producer, baseSequence: 2 }), 'coordinator')
    await log.append(end('ABORT'), 'coordinator')
    await roll(log)
    await log.deleteRecordsBefore(first)
    const { replaceFile } = files
    files.replaceFile = async (file, ...rest) => {
      if (file.endsWith('recovery-point-offset-checkpoint')) await directory.enforceRetention()
      return await replaceFile.call(files, file, ...rest)
    }
    expect(log.firstSegmentOffset).toBe(0)
    await directory.compact()
    expect(log.firstSegmentOffset).toBeGreaterThan(0)
    expect(withoutFiller(await contents(log))).toEqual([`${first}:b=1`])
    expect(await log.abortedTransactions(first, log.logEndOffset)).toEqual([{ producerId: 9n, firstOffset: first + 2 }])
    expect(await markers(log)).toEqual([first + 1, first + 3])
  })

  it('leaves a read_committed reader the same records, before and after a restart', async () => {
    const { files, directory, log } = await start({ indexIntervalBytes: 1 })
    for (let round = 0; round < 20; round += 1) {
      const each = round % 2 === 0 ? producer : other
      const sequence = Math.floor(round / 2)
      await log.append(
        keyed(`k${round % 5}=${round} t${round}`, { ...each, baseSequence: sequence * 2 }),
        'coordinator',
      )
      if (round % 3 === 2) await log.append(keyed(`k${round % 5}=x`), 'client')
      await log.append(end(round % 4 === 1 ? 'ABORT' : 'COMMIT', each), 'coordinator')
    }
    await roll(log)
    const newest = (records: readonly string[]) =>
      [...new Map(records.map((each) => [/:(\w+)/.exec(each)![1], each])).values()].sort()
    const before = newest(await committed(log))
    await directory.compact()
    expect(newest(await committed(log))).toEqual(before)
    await directory.close()
    const reopened = await openLog(await openDirectory(files), compacted)
    expect(newest(await committed(reopened))).toEqual(before)
  })

  /** As a read_committed consumer goes about it. */
  async function committed(log: LocalPartitionLog): Promise<string[]> {
    const found: string[] = []
    for (let offset = log.logStartOffset; ; ) {
      const { records, abortedTransactions } = await log.read(offset, {
        maxBytes: 200,
        minOneBatch: true,
        isolation: 'txn_committed',
      })
      const views = [...batchesIn(Buffer.concat(records))]
      if (views.length === 0) return found
      const waiting = [...abortedTransactions!].sort((left, right) => left.firstOffset - right.firstOffset)
      const aborted = new Set<bigint>()
      for (const view of views) {
        while (waiting.length > 0 && waiting[0]!.firstOffset <= view.lastOffset)
          aborted.add(waiting.shift()!.producerId)
        if (view.isControl) aborted.delete(view.producerId)
        else if (!(view.isTransactional && aborted.has(view.producerId))) found.push(...[...recordsOf(view)].map(text))
      }
      offset = views.at(-1)!.nextOffset
    }
  }
})

describe('of producers, compaction', () => {
  it('keeps the header of the last batch of each, so that a repeated one is still found after a restart', async () => {
    const { files, directory, log } = await start()
    await log.append(keyed('a=1', { producerId: 5n, producerEpoch: 0, baseSequence: 0 }), 'client')
    await log.append(keyed('a=2', { producerId: 5n, producerEpoch: 0, baseSequence: 1 }), 'client')
    await log.append(keyed('a=3'), 'client')
    await roll(log)
    await directory.compact()
    expect(withoutFiller(await contents(log))).toEqual(['2:a=3'])
    const empty = (await batches(log))[0]!
    expect(empty).toMatchObject({ recordCount: 0, baseOffset: 1, lastOffset: 1, baseSequence: 1, sizeInBytes: 61 })
    await directory.close()
    for (const name of await files.list('data/topic-0')) {
      if (name.endsWith('.snapshot')) await files.remove(`data/topic-0/${name}`)
    }
    await files.remove('data/.kafka_cleanshutdown')
    const again = await openLog(await openDirectory(files), compacted)
    const repeated = keyed('a=2', { producerId: 5n, producerEpoch: 0, baseSequence: 1 })
    expect((await again.append(repeated, 'client')).baseOffset).toBe(1)
    expect(
      (await again.append(keyed('a=4', { producerId: 5n, producerEpoch: 0, baseSequence: 2 }), 'client')).baseOffset,
    ).toBe(5)
  })

  it('does not forget one with the power whose last batches, behind what is compacted, were not durable yet', async () => {
    const { files, directory, log } = await start()
    const by = (baseSequence: number) => ({ producerId: 7n, producerEpoch: 0, baseSequence })
    await log.append(keyed('a=1', by(0)), 'client')
    await log.append(keyed('a=2'), 'client')
    await roll(log)
    await log.flush()
    await log.append(keyed('a=3', by(1)), 'client')
    await directory.compact()
    const left = files.afterCrash((_path, _size, syncedSize) => syncedSize)
    const again = await openLog(await openDirectory(left), compacted)
    expect(again.producerStates()).toMatchObject([{ producerId: 7n }])
  })

  it('does not forget one with the power whose records were deleted, and of which only snapshots know', async () => {
    const { files, directory, log } = await start()
    await log.append(keyed('a=1', { producerId: 7n, producerEpoch: 0, baseSequence: 0 }), 'client')
    await roll(log)
    await log.append(keyed('a=2'), 'client')
    await roll(log)
    await log.deleteRecordsBefore(log.logEndOffset - 1)
    await directory.enforceRetention()
    await log.append(keyed('a=3'), 'client')
    await roll(log)
    await directory.compact()
    await directory.checkpoint()
    const left = files.afterCrash((_path, _size, syncedSize) => syncedSize)
    const again = await openLog(await openDirectory(left), compacted)
    expect(again.producerStates()).toMatchObject([{ producerId: 7n }])
  })

  it('keeps the last offset that it looked at, so that the log does not end earlier after a crash', async () => {
    const { files, directory, log } = await start()
    await log.append(keyed('a=1'), 'client')
    await log.append(keyed('a=2'), 'client')
    await roll(log)
    await log.append(keyed('a=3'), 'client')
    await roll(log)
    await directory.compact()
    const ends = (await batches(log)).map(({ nextOffset }) => nextOffset)
    expect(ends).toContain(Number((await segmentNames(files)).at(-1)))
    expect(withoutFiller(await contents(log))).toEqual(['4:a=3'])
  })
})

describe('while compaction runs', () => {
  it('appends and reads go on, and readers miss nothing', async () => {
    const { directory, log } = await start({ segmentBytes: 2000 })
    for (let round = 0; round < 300; round += 1) await log.append(keyed(`k${round % 40}=${round}`), 'client')
    const seen = new Map<string, string>()
    const read = async (): Promise<void> => {
      for (let offset = 0; offset < log.logEndOffset; ) {
        const { records } = await log.read(offset, { maxBytes: 500, minOneBatch: true, isolation: 'high_watermark' })
        for (const view of batchesIn(Buffer.concat(records))) {
          for (const { key, value } of recordsOf(view)) seen.set(String(key), String(value))
          offset = view.nextOffset
        }
        await nextTurn()
      }
    }
    const compacting = directory.compact()
    const reading = Promise.all([read(), read(), read()])
    for (let round = 300; round < 400; round += 1) await log.append(keyed(`k${round % 40}=${round}`), 'client')
    await Promise.all([compacting, reading])
    await directory.compact()
    await read()
    expect(seen.size).toBe(40)
    for (let key = 0; key < 40; key += 1) expect(seen.get(`k${key}`)).toBe(String(360 + key))
  })

  it.each(['truncated', 'closed', 'deleted', 'emptied'] as const)('a log can be %s', async (what) => {
    const { files, directory, log } = await start({ segmentBytes: 2000, deletes: true, retentionMs: -1 })
    for (let round = 0; round < 300; round += 1) await log.append(keyed(`k${round % 40}=${round}`), 'client')
    const compacting = directory.compact()
    for (let turn = 0; turn < 3; turn += 1) await nextTurn()
    if (what === 'truncated') await log.truncate(150)
    if (what === 'closed') await directory.close()
    if (what === 'deleted') await log.delete()
    if (what === 'emptied') {
      await log.deleteRecordsBefore(-1)
      await log.enforceRetention()
    }
    await compacting
    if (what === 'truncated') {
      expect(log.logEndOffset).toBe(150)
      expect(log.compaction.cleanedOffset).toBeLessThanOrEqual(150)
      await log.append(keyed('k0=new'), 'client')
      expect((await contents(log)).at(-1)).toBe('150:k0=new')
    }
    if (what === 'emptied') expect(await contents(log)).toEqual([])
    if (what === 'deleted') expect(await files.exists('data/topic-0')).toBe(false)
    if (what === 'closed') {
      const reopened = await openLog(await openDirectory(files), compacted)
      expect((await contents(reopened)).at(-1)).toBe('299:k19=299')
      expect((await files.list('data/topic-0')).filter((name) => name.endsWith('.cleaned'))).toEqual([])
    }
  })
})

/** Seven transactions, every third of them aborted, then what ends the active segment. */
async function writeTransactions(log: LocalPartitionLog): Promise<void> {
  for (let round = 0; round < 7; round += 1) {
    const options = { producerId: 7n, producerEpoch: 0, baseSequence: round * 2, isTransactional: true }
    await log.append(keyed(`a=${round} b${round % 3}=${round}`, options), 'coordinator')
    const type = round % 3 === 1 ? 'ABORT' : 'COMMIT'
    const { producerId, producerEpoch } = options
    await log.append(
      buildEndTransactionMarker({ type, producerId, producerEpoch, coordinatorEpoch: 0, timestamp: startMs }),
      'coordinator',
    )
  }
  await roll(log)
}

/** The newest committed record of each key. */
async function newest(log: LocalPartitionLog): Promise<string[]> {
  const aborted = (await log.abortedTransactions(0, log.logEndOffset)).map(({ firstOffset }) => firstOffset)
  const views = (await batches(log)).filter((view) => !view.isControl && !aborted.includes(view.baseOffset))
  const records = views.flatMap((view) => [...recordsOf(view)])
  return [...new Map(records.map((record) => [String(record.key), text(record)])).values()].sort()
}

describe('a failure of compaction', () => {
  it('that is the disk’s leaves the log as it was, and it is tried again', async () => {
    const { files, directory, log } = await start()
    await log.append(keyed('a=1'), 'client')
    await log.append(keyed('a=2'), 'client')
    await roll(log)
    files.beforeCall = (operation, path) => {
      if (operation === 'write' && path.endsWith('.cleaned')) throw systemError('ENOSPC', path)
    }
    await directory.compact()
    expect(withoutFiller(await contents(log))).toEqual(['0:a=1', '1:a=2'])
    expect((await files.list('data/topic-0')).filter((name) => name.endsWith('.cleaned'))).toEqual([])
    files.beforeCall = () => {}
    await directory.compact()
    expect(withoutFiller(await contents(log))).toEqual(['1:a=2'])
  })

  it('to read how old its segments are is one to be tried again', async () => {
    const { files, directory, log } = await start()
    await log.append(keyed('a=1'), 'client')
    await log.append(keyed('a=2'), 'client')
    await roll(log)
    await directory.close()
    const again = await openDirectory(files)
    const reopened = await openLog(again, { ...compacted, maxCompactionLagMs: 1000 })
    files.beforeCall = (operation, path) => {
      if (operation === 'read') throw systemError('EIO', path)
    }
    await again.compact()
    files.beforeCall = () => {}
    await again.compact()
    expect(withoutFiller(await contents(reopened))).toEqual(['1:a=2'])
  })

  it('that comes from damaged records is not repeated, and the log still serves', async () => {
    const { files, directory, log } = await start()
    await log.append(keyed('a=1'), 'client')
    await log.append(keyed('a=2'), 'client')
    await roll(log)
    const file = await files.open('data/topic-0/00000000000000000000.log', 'write')
    file.writeNow(62, [Buffer.from([0xff, 0xff])])
    await directory.compact()
    expect(log.compaction.failure).toBeInstanceOf(Error)
    expect(String(log.compaction.failure)).toContain('00000000000000000000.log is damaged at byte 0')
    expect((await log.append(keyed('b=1'), 'client')).baseOffset).toBe(4)
    let calls = 0
    files.beforeCall = () => {
      calls += 1
    }
    await directory.compact()
    expect(calls).toBe(0)
  })

  it('at any file operation, followed by the death of the process or a power failure, loses no key', async () => {
    const { log: reference } = await start({ indexIntervalBytes: 1, segmentBytes: 600 })
    await writeTransactions(reference)
    const expected = await newest(reference)

    for (let failAt = 1; ; failAt += 1) {
      const { files, directory, log } = await start({ indexIntervalBytes: 1, segmentBytes: 600 })
      await writeTransactions(log)
      await log.flush()
      let calls = 0
      let crashed: MemoryFileSystem[] | undefined
      files.beforeCall = (_operation, path) => {
        calls += 1
        if (calls < failAt) return
        crashed ??= [files.afterCrash(), files.afterCrash((_path, _size, syncedSize) => syncedSize)]
        throw systemError('EIO', path)
      }
      await directory.compact()
      if (crashed === undefined) break
      for (const left of crashed) {
        const again = await openDirectory(left)
        const reopened = await openLog(again, { ...compacted, segmentBytes: 600 })
        expect(await newest(reopened), `after call ${failAt}`).toEqual(expected)
        const names = await left.list('data/topic-0')
        expect(names.filter((name) => /cleaned|swap/.test(name))).toEqual([])
        await again.compact()
        expect(await newest(reopened), `compacted again after call ${failAt}`).toEqual(expected)
        await again.close()
      }
    }
  })

  it('of the power, whatever part is kept of what was not synced, loses no key', async () => {
    const options = { ...compacted, indexIntervalBytes: 1, segmentBytes: 600 }
    const { log: reference } = await start(options)
    await writeTransactions(reference)
    const expected = await newest(reference)
    for (let dieAt = 0, isDead = true; isDead; dieAt += 1) {
      for (let seed = 0; seed < 2; seed += 1) {
        const random = new SeededRandom(dieAt * 2 + seed)
        const disk = new SimulatedDisk()
        const files = new SimulatedFileSystem(disk, random)
        const directory = await openDirectory(files)
        const log = await openLog(directory, options)
        await writeTransactions(log)
        await log.flush()
        files.dieAfter(dieAt)
        await Promise.race([directory.compact(), files.died])
        isDead = files.isDead
        if (!isDead) files.kill()
        const left = new SimulatedFileSystem(disk.afterPowerFailure(random), random)
        const again = await openDirectory(left)
        const reopened = await openLog(again, options)
        expect(await newest(reopened), `after call ${dieAt}, seed ${seed}`).toEqual(expected)
        const names = await left.list('data/topic-0')
        expect(names.filter((name) => /cleaned|swap/.test(name))).toEqual([])
      }
    }
  })
})
