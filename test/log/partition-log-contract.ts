/** What every PartitionLog must do, whatever keeps it. */
import { afterEach, describe, expect, it } from 'vitest'
import { type ErrorName, KafkaError, RecordsError } from '../../protocol/errors.ts'
import { buildMessageSet, buildRecordBatch } from '../../protocol/records/builder.ts'
import { buildEndTransactionMarker } from '../../protocol/records/control-records.ts'
import { recordsOf } from '../../protocol/records/record.ts'
import { codecs, RecordBatchView, updateCrc } from '../../protocol/records/record-batch.ts'
import type { LogConfig } from '../../src/log/log-config.ts'
import type { PartitionLog, ReadOptions } from '../../src/log/partition-log.ts'
import { batch, batchesOf, config, offsetsOf, readAll, records, sequenced, startMs, viewsOf } from './fixtures.ts'

export interface LogUnderTest {
  readonly log: PartitionLog
  /** Makes the next write fail; absent where that can't be done. */
  readonly failNextWrite?: () => void
  readonly close: () => Promise<void>
}

const all: ReadOptions = { maxBytes: 1_000_000, minOneBatch: true, isolation: 'high_watermark' }
const committed: ReadOptions = { ...all, isolation: 'txn_committed' }

async function errorOf(promise: Promise<unknown>): Promise<KafkaError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(KafkaError)
  return error as KafkaError
}

export function describePartitionLog(name: string, open: (config: LogConfig) => Promise<LogUnderTest>): void {
  describe(name, () => {
    let opened: LogUnderTest | undefined

    async function start(overrides: Partial<LogConfig> = {}): Promise<PartitionLog> {
      opened = await open(config(overrides))
      await opened.log.becomeLeader(0)
      return opened.log
    }

    async function expectRefused(log: PartitionLog, bytes: Buffer, error: ErrorName): Promise<KafkaError> {
      const before = log.logEndOffset
      const refusal = await errorOf(log.append(bytes, 'client'))
      expect(refusal.kafkaError).toBe(error)
      expect(log.logEndOffset).toBe(before)
      return refusal
    }

    afterEach(async () => {
      await opened?.close()
      opened = undefined
    })

    it('is empty at first', async () => {
      const log = await start()
      const { logStartOffset, lastStableOffset, highWatermark, logEndOffset, sizeInBytes } = log
      expect({ logStartOffset, lastStableOffset, highWatermark, logEndOffset, sizeInBytes }).toEqual({
        logStartOffset: 0,
        lastStableOffset: 0,
        highWatermark: 0,
        logEndOffset: 0,
        sizeInBytes: 0,
      })
      expect((await log.read(0, all)).records).toEqual([])
      expect(await log.offsetForTimestamp(0, 'high_watermark')).toBeUndefined()
      expect(await log.offsetOfMaxTimestamp()).toBeUndefined()
    })

    it('gives offsets in the order of the calls, also while earlier appends are pending', async () => {
      const log = await start()
      const results = await Promise.all([3, 1, 4, 1, 5].map((count) => log.append(batch(count), 'client')))
      expect(results.map(({ baseOffset }) => baseOffset)).toEqual([0, 3, 4, 8, 9])
      expect(log.logEndOffset).toBe(14)
      expect(log.highWatermark).toBe(14)
      expect(batchesOf(await log.read(0, all))).toEqual(['0-2', '3-3', '4-7', '8-8', '9-13'])
      expect(await readAll(log, 0, 100)).toEqual(Array.from({ length: 14 }, (_, offset) => offset))
    })

    it('shows nothing of an append before it resolves, and tells its listeners when offsets move', async () => {
      const log = await start()
      const seen: number[] = []
      const stop = log.onAdvance(() => seen.push(log.highWatermark))
      const pending = log.append(batch(2), 'client')
      expect(log.logEndOffset).toBe(0)
      await pending
      expect(seen.at(-1)).toBe(2)
      stop()
      await log.append(batch(1), 'client')
      expect(seen.at(-1)).toBe(2)
    })

    it('shows nothing that is appended while its high watermark is held, and all of it afterwards', async () => {
      const log = await start()
      await log.append(batch(2, { timestamp: startMs }), 'client')
      log.holdHighWatermark(true)
      const { baseOffset } = await log.append(batch(3, { timestamp: startMs + 100 }), 'client')
      expect([baseOffset, log.highWatermark, log.lastStableOffset, log.logEndOffset]).toEqual([2, 2, 2, 5])
      expect(batchesOf(await log.read(0, all))).toEqual(['0-1'])
      expect(await log.read(4, all)).toMatchObject({ records: [], highWatermark: 2 })
      expect(batchesOf(await log.read(0, { ...all, isolation: 'log_end' }))).toEqual(['0-1', '2-4'])
      expect(await log.offsetForTimestamp(startMs + 100, 'high_watermark')).toBeUndefined()
      expect((await errorOf(log.deleteRecordsBefore(3))).kafkaError).toBe('OFFSET_OUT_OF_RANGE')
      let moved = 0
      log.onAdvance(() => {
        moved += 1
      })
      log.holdHighWatermark(true)
      expect(moved).toBe(0)
      log.holdHighWatermark(false)
      expect([moved, log.highWatermark]).toEqual([1, 5])
      log.holdHighWatermark(false)
      expect(moved).toBe(1)
      await log.append(batch(1), 'client')
      expect(log.highWatermark).toBe(6)
    })

    it('shows transactions as they stood at a high watermark that is held', async () => {
      const log = await start()
      const transactional = { producerId: 7n, producerEpoch: 0, isTransactional: true }
      const { producerId, producerEpoch } = transactional
      const ending = { producerId, producerEpoch, coordinatorEpoch: 0, timestamp: startMs, type: 'COMMIT' } as const
      await log.append(batch(2, {}, { ...transactional, baseSequence: 0 }), 'coordinator')
      log.holdHighWatermark(true)
      await log.append(buildEndTransactionMarker(ending), 'coordinator')
      await log.append(batch(1, {}, { ...transactional, baseSequence: 2 }), 'coordinator')
      expect([log.lastStableOffset, log.highWatermark, log.logEndOffset]).toEqual([0, 2, 4])
      log.holdHighWatermark(false)
      expect([log.lastStableOffset, log.highWatermark]).toEqual([3, 4])
    })

    it('has no high watermark behind its end where it was cut while that was held', async () => {
      const log = await start()
      for (let index = 0; index < 3; index += 1) await log.append(batch(1), 'client')
      log.holdHighWatermark(true)
      await log.append(batch(1), 'client')
      await log.truncate(3)
      expect([log.highWatermark, log.logEndOffset]).toEqual([3, 3])
      await log.append(batch(1), 'client')
      await log.truncate(2)
      expect([log.highWatermark, log.logEndOffset]).toEqual([2, 2])
      await log.append(batch(1), 'client')
      expect(log.highWatermark).toBe(2)
      log.holdHighWatermark(false)
      expect(log.highWatermark).toBe(3)
    })

    it('stores the bytes as they came but for offset and leader epoch', async () => {
      const log = await start()
      await log.becomeLeader(7)
      await log.append(batch(1), 'client')
      const sent = batch(3, { valueBytes: 300 })
      const copy = Buffer.from(sent)
      await log.append(sent, 'client')
      const [view] = viewsOf(await log.read(1, all))
      expect(view!.baseOffset).toBe(1)
      expect(view!.partitionLeaderEpoch).toBe(7)
      expect(view!.bytes.subarray(16)).toEqual(copy.subarray(16))
    })

    it('returns whole batches from the one that holds the offset, up to the limit', async () => {
      const log = await start()
      for (let index = 0; index < 10; index += 1) await log.append(batch(10, { valueBytes: 50 }), 'client')
      const size = log.sizeInBytes / 10
      const read = async (from: number, maxBytes: number, minOneBatch = true) =>
        batchesOf(await log.read(from, { ...all, maxBytes, minOneBatch }))
      expect(await read(15, 2 * size)).toEqual(['10-19', '20-29'])
      expect(await read(15, 2 * size - 1)).toEqual(['10-19'])
      expect(await read(15, 1)).toEqual(['10-19'])
      expect(await read(15, 1, false)).toEqual([])
      expect(await read(95, 1_000_000)).toEqual(['90-99'])
      expect(await read(100, 1_000_000)).toEqual([])
    })

    it('refuses to read outside its range', async () => {
      const log = await start()
      await log.append(batch(3), 'client')
      const read = async (offset: number) => log.read(offset, all)
      expect((await errorOf(read(4))).kafkaError).toBe('OFFSET_OUT_OF_RANGE')
      expect((await errorOf(read(-1))).kafkaError).toBe('OFFSET_OUT_OF_RANGE')
    })

    it('refuses what is no proper batch', async () => {
      const log = await start({ maxMessageBytes: 500 })
      const corrupt = batch(1)
      corrupt[corrupt.length - 1] = corrupt[corrupt.length - 1]! ^ 1
      await expectRefused(log, corrupt, 'CORRUPT_MESSAGE')
      await expectRefused(log, Buffer.alloc(0), 'INVALID_RECORD')
      await expectRefused(log, batch(1).subarray(0, 60), 'INVALID_RECORD')
      await expectRefused(log, Buffer.alloc(100), 'CORRUPT_MESSAGE')
      await expectRefused(log, batch(1, { valueBytes: 500 }), 'MESSAGE_TOO_LARGE')
      await expectRefused(log, Buffer.concat([batch(1), batch(1)]), 'INVALID_RECORD')
      await expectRefused(log, batch(1, {}, { baseOffset: 5 }), 'INVALID_RECORD')
      await expectRefused(log, buildRecordBatch({}, []), 'INVALID_RECORD')
      const gap = batch(2)
      gap.writeInt32BE(7, 23)
      updateCrc(new RecordBatchView(gap))
      await expectRefused(log, gap, 'INVALID_RECORD')
      await expectRefused(log, batch(1, {}, { isControl: true }), 'INVALID_RECORD')
      await expectRefused(log, batch(1, {}, { producerId: 1n, producerEpoch: 0, baseSequence: -1 }), 'INVALID_RECORD')
      const transactional = { producerId: 1n, producerEpoch: 0, baseSequence: 0, isTransactional: true }
      await expectRefused(log, batch(1, {}, transactional), 'INVALID_TXN_STATE')
    })

    it('takes a transactional batch with the guard of a verification, and without while its transaction is open', async () => {
      const log = await start()
      const transactional = (baseSequence: number, producerEpoch = 0) =>
        batch(1, {}, { producerId: 1n, producerEpoch, baseSequence, isTransactional: true })
      const asked = { producerId: 1n, producerEpoch: 0, baseSequence: 0, bumpsEpoch: false }
      const guard = log.startVerification(asked)
      expect(guard).toBeDefined()
      expect(log.startVerification(asked)).toBe(guard)
      const [first, second] = [
        log.append(transactional(0), 'client', { guard }),
        log.append(transactional(1), 'client'),
      ]
      expect([(await first).baseOffset, (await second).baseOffset]).toEqual([0, 1])
      expect(log.startVerification(asked)).toBeUndefined()
      expect(log.startVerification({ ...asked, producerEpoch: 1 })).toBeDefined()
      const marker = {
        producerId: 1n,
        producerEpoch: 0,
        coordinatorEpoch: 0,
        timestamp: startMs,
        type: 'ABORT',
      } as const
      await log.append(buildEndTransactionMarker(marker), 'coordinator')
      await expectRefused(log, transactional(2), 'INVALID_TXN_STATE')
      expect((await errorOf(log.append(transactional(2), 'client', { guard }))).kafkaError).toBe('INVALID_TXN_STATE')
      expect(
        (await log.append(transactional(2), 'client', { guard: log.startVerification({ ...asked, baseSequence: 2 }) }))
          .baseOffset,
      ).toBe(3)
    })

    it('tells what it would refuse of a coordinator, and changes nothing by that', async () => {
      const log = await start()
      const marker = (producerEpoch: number, coordinatorEpoch = 0) =>
        buildEndTransactionMarker({
          producerId: 1n,
          producerEpoch,
          coordinatorEpoch,
          timestamp: startMs,
          type: 'COMMIT',
        })
      log.checkAppend(marker(2))
      expect(log.producerStates()).toEqual([])
      const pending = log.append(marker(2, 3), 'coordinator')
      expect(() => log.checkAppend(marker(1, 3))).toThrow('the last seen epoch is 2')
      expect(() => log.checkAppend(marker(2, 2))).toThrow('3 is known')
      log.checkAppend(marker(2, 3))
      await pending
      expect(log.logEndOffset).toBe(1)
    })

    it('names the records that have no key in a compacted topic', async () => {
      const log = await start({ compacted: true })
      const mixed = [...records(1), ...records(2, { key: null }), ...records(1)]
      for (const codec of codecs) {
        const refusal = await expectRefused(log, buildRecordBatch({ codec }, mixed), 'INVALID_RECORD')
        expect((refusal as RecordsError).recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1, 2])
      }
      await log.append(batch(3), 'client')
    })

    it('names the records whose timestamp is out of bounds', async () => {
      const log = await start({ messageTimestampAfterMaxMs: 1000, messageTimestampBeforeMaxMs: 5000 })
      const at = (...offsets: number[]) => offsets.flatMap((by) => records(1, { timestamp: startMs + by }))
      for (const codec of ['none', 'gzip'] as const) {
        const refusal = await expectRefused(log, buildRecordBatch({ codec }, at(0, 1001, -5001)), 'INVALID_TIMESTAMP')
        expect(refusal).toBeInstanceOf(RecordsError)
        expect((refusal as RecordsError).recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1, 2])
      }
      await log.append(buildRecordBatch({}, at(1000, -5000)), 'client')
      await log.append(buildRecordBatch({}, records(1, { timestamp: -1 })), 'client')
    })

    it('names times out of bounds to the last digit', async () => {
      const log = await start({ messageTimestampAfterMaxMs: 1000, messageTimestampBeforeMaxMs: Number(2n ** 63n - 1n) })
      const tooLate = buildRecordBatch({}, records(1, { timestamp: Number(2n ** 63n - 1024n) }))
      const refusal = await expectRefused(log, tooLate, 'INVALID_TIMESTAMP')
      const range = `[${BigInt(startMs) - (2n ** 63n - 1n)}, ${startMs + 1000}]`
      expect((refusal as RecordsError).recordErrors[0]!.message).toBe(
        `Timestamp 9223372036854774784 of message with offset 0 is out of range. The timestamp should be within ${range}`,
      )
    })

    it('puts its own time into the records with LogAppendTime', async () => {
      const log = await start({ messageTimestampType: 'LogAppendTime' })
      const result = await log.append(buildRecordBatch({ codec: 'lz4' }, records(2, { timestamp: 5 })), 'client')
      expect(result.logAppendTimeMs).toBe(startMs)
      const [view] = viewsOf(await log.read(0, all))
      expect(view!.isCrcValid()).toBe(true)
      expect([...recordsOf(view!)].map(({ timestamp }) => timestamp)).toEqual([startMs, startMs])
    })

    it('stores the codec that the topic asks for', async () => {
      for (const compressionType of ['uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
        const log = await start({ compressionType })
        const options = { producerId: 9n, producerEpoch: 1, baseSequence: 0 }
        await log.append(buildRecordBatch({ codec: 'snappy', ...options }, records(4)), 'client')
        const [view] = viewsOf(await log.read(0, all))
        expect(view!.codec).toBe(compressionType === 'uncompressed' ? 'none' : compressionType)
        expect(view!.isCrcValid()).toBe(true)
        expect([view!.producerId, view!.producerEpoch, view!.baseSequence]).toEqual([9n, 1, 0])
        expect([...recordsOf(view!)].map(({ value }) => value)).toEqual(records(4).map(({ value }) => value))
        await opened!.close()
      }
    })

    it('converts messages of magic 0 and 1', async () => {
      const log = await start()
      await log.append(buildMessageSet(0, {}, records(2)), 'client')
      const result = await log.append(buildMessageSet(1, { codec: 'gzip' }, records(3)), 'client')
      expect(result.baseOffset).toBe(2)
      const views = viewsOf(await log.read(0, all))
      expect(views.map((view) => [view.magic, view.recordCount, view.codec, view.isCrcValid()])).toEqual([
        [2, 2, 'none', true],
        [2, 3, 'gzip', true],
      ])
      expect([...recordsOf(views[1]!)].map(({ timestamp }) => timestamp)).toEqual([startMs, startMs, startMs])
    })

    it('takes several batches and control batches from this broker', async () => {
      const log = await start()
      const result = await log.append(Buffer.concat([batch(2), batch(3)]), 'coordinator')
      expect(result.baseOffset).toBe(0)
      expect(batchesOf(await log.read(0, all))).toEqual(['0-1', '2-4'])
      const raft = batch(1, {}, { partitionLeaderEpoch: 9 })
      await log.append(raft, 'raft')
      expect(viewsOf(await log.read(5, all))[0]!.partitionLeaderEpoch).toBe(9)
      expect(log.leaderEpoch).toBe(9)
    })

    it('answers a repeated batch of an idempotent producer with its first offset', async () => {
      const log = await start()
      for (let index = 0; index < 7; index += 1) await log.append(sequenced(5n, 0, index * 2, 2), 'client')
      expect((await log.append(sequenced(5n, 0, 12, 2), 'client')).baseOffset).toBe(12)
      expect((await log.append(sequenced(5n, 0, 4, 2), 'client')).baseOffset).toBe(4)
      await expectRefused(log, sequenced(5n, 0, 2, 2), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
      await expectRefused(log, sequenced(5n, 0, 12, 1), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
      expect(log.logEndOffset).toBe(14)
    })

    it('resolves a repeated batch with the pending one', async () => {
      const log = await start()
      await log.append(batch(3), 'client')
      const results = await Promise.all([
        log.append(sequenced(5n, 0, 0, 2), 'client'),
        log.append(sequenced(5n, 0, 2, 1), 'client'),
        log.append(sequenced(5n, 0, 0, 2), 'client'),
      ])
      expect(results.map(({ baseOffset }) => baseOffset)).toEqual([3, 5, 3])
      expect(log.logEndOffset).toBe(6)
    })

    it('checks sequences against what is pending', async () => {
      const log = await start()
      const first = log.append(sequenced(5n, 0, 0, 2), 'client')
      const gap = errorOf(log.append(sequenced(5n, 0, 3), 'client'))
      const next = log.append(sequenced(5n, 0, 2), 'client')
      expect((await gap).kafkaError).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
      expect((await first).baseOffset).toBe(0)
      expect((await next).baseOffset).toBe(2)
    })

    it('takes any sequence from an unknown producer, none but 0 in a new epoch, and no old epoch', async () => {
      const log = await start()
      await log.append(sequenced(5n, 3, 17), 'client')
      await expectRefused(log, sequenced(5n, 2, 18), 'INVALID_PRODUCER_EPOCH')
      await expectRefused(log, sequenced(5n, 4, 18), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
      const pending = log.append(sequenced(5n, 4, 0), 'client')
      await expectRefused(log, sequenced(5n, 3, 18), 'INVALID_PRODUCER_EPOCH')
      await pending
      await log.append(sequenced(5n, 4, 1), 'client')
      expect(log.producerStates()).toMatchObject([{ producerId: 5n, producerEpoch: 4, lastSequence: 1 }])
    })

    it('goes on at 0 after the largest sequence', async () => {
      const log = await start()
      await log.append(sequenced(5n, 0, 0x7ffffffe, 3), 'client')
      await log.append(sequenced(5n, 0, 1, 1), 'client')
      await log.append(sequenced(6n, 0, 0x7fffffff, 1), 'client')
      await log.append(sequenced(6n, 0, 0, 1), 'client')
      expect(log.producerStates().map(({ lastSequence }) => lastSequence)).toEqual([1, 0])
    })

    it('tells producer ids apart that are too large for a number', async () => {
      const log = await start()
      await log.append(sequenced(2n ** 62n, 0, 0), 'client')
      await log.append(sequenced(2n ** 62n + 1n, 0, 5), 'client')
      expect(log.producerStates().map(({ producerId }) => producerId)).toEqual([2n ** 62n, 2n ** 62n + 1n])
    })

    it('holds the last stable offset below the first open transaction, and lists the aborted ones', async () => {
      const log = await start()
      const write = (producerId: bigint, baseSequence: number) => {
        const header = { producerId, producerEpoch: 0, baseSequence, isTransactional: true }
        return log.append(batch(2, {}, header), 'coordinator')
      }
      const end = (producerId: bigint, type: 'ABORT' | 'COMMIT') => {
        const marker = { type, producerId, producerEpoch: 0, coordinatorEpoch: 3, timestamp: startMs }
        return log.append(buildEndTransactionMarker(marker), 'coordinator')
      }
      await log.append(batch(1), 'client')
      await write(1n, 0)
      await write(2n, 0)
      expect(log.lastStableOffset).toBe(1)
      expect(offsetsOf(await log.read(0, committed))).toEqual([0])
      expect((await log.read(1, committed)).records).toEqual([])
      await end(2n, 'ABORT')
      expect(log.lastStableOffset).toBe(1)
      await end(1n, 'COMMIT')
      expect(log.lastStableOffset).toBe(7)
      const result = await log.read(0, committed)
      expect(offsetsOf(result)).toEqual([0, 1, 2, 3, 4, 5, 6])
      expect(result.abortedTransactions).toEqual([{ producerId: 2n, firstOffset: 3 }])
      expect((await log.read(6, committed)).abortedTransactions).toEqual([])
      expect(await log.abortedTransactions(0, 3)).toEqual([])
      expect(await log.abortedTransactions(0, 4)).toEqual([{ producerId: 2n, firstOffset: 3 }])
      expect((await log.read(0, all)).abortedTransactions).toBeUndefined()
      expect(log.producerStates()).toMatchObject([
        { producerId: 1n, coordinatorEpoch: 3, currentTransactionFirstOffset: -1 },
        { producerId: 2n, coordinatorEpoch: 3, currentTransactionFirstOffset: -1 },
      ])
    })

    it('finds the first record with at least a timestamp, also inside compressed batches', async () => {
      const log = await start()
      const times = [[10, 30, 20], [15, 25], [40, 5, 50], [45]]
      for (const [index, some] of times.entries()) {
        const content = some.flatMap((timestamp) => records(1, { timestamp }))
        await log.append(buildRecordBatch({ codec: codecs[index]! }, content), 'client')
      }
      const find = async (timestampMs: number) => await log.offsetForTimestamp(timestampMs, 'high_watermark')
      expect(await find(0)).toEqual({ timestampMs: 10, offset: 0, leaderEpoch: 0 })
      expect(await find(11)).toEqual({ timestampMs: 30, offset: 1, leaderEpoch: 0 })
      expect(await find(31)).toEqual({ timestampMs: 40, offset: 5, leaderEpoch: 0 })
      expect(await find(41)).toEqual({ timestampMs: 50, offset: 7, leaderEpoch: 0 })
      expect(await find(51)).toBeUndefined()
      expect(await log.offsetOfMaxTimestamp()).toEqual({ timestampMs: 50, offset: 7, leaderEpoch: 0 })
      await log.deleteRecordsBefore(8)
      expect(await find(0)).toEqual({ timestampMs: 45, offset: 8, leaderEpoch: 0 })
      expect(await log.offsetOfMaxTimestamp()).toEqual({ timestampMs: 45, offset: 8, leaderEpoch: 0 })
    })

    it('knows where a leader epoch ends', async () => {
      const log = await start()
      await log.append(batch(3), 'client')
      await log.becomeLeader(2)
      await log.append(batch(4), 'client')
      await log.becomeLeader(5)
      await log.append(batch(1), 'client')
      expect([0, 1, 2, 3, 5, 6].map((epoch) => log.endOffsetForEpoch(epoch))).toEqual([
        { leaderEpoch: 0, endOffset: 3 },
        { leaderEpoch: 0, endOffset: 3 },
        { leaderEpoch: 2, endOffset: 7 },
        { leaderEpoch: 2, endOffset: 7 },
        { leaderEpoch: 5, endOffset: 8 },
        { leaderEpoch: -1, endOffset: -1 },
      ])
      expect([0, 2, 3, 7].map((offset) => log.epochForOffset(offset))).toEqual([0, 0, 2, 5])
    })

    it('moves its start up, not down, and not past the high watermark', async () => {
      const log = await start()
      await log.append(batch(10), 'client')
      let moved = 0
      log.onAdvance(() => {
        moved += 1
      })
      expect(await log.deleteRecordsBefore(4)).toBe(4)
      expect(moved).toBe(1)
      expect(await log.deleteRecordsBefore(2)).toBe(4)
      expect((await errorOf(log.deleteRecordsBefore(11))).kafkaError).toBe('OFFSET_OUT_OF_RANGE')
      expect((await errorOf(log.deleteRecordsBefore(-2))).kafkaError).toBe('OFFSET_OUT_OF_RANGE')
      expect(log.logStartOffset).toBe(4)
      expect((await log.append(batch(1), 'client')).logStartOffset).toBe(4)
      expect(await log.deleteRecordsBefore(-1)).toBe(11)
      expect((await log.read(11, all)).records).toEqual([])
    })

    it('forgets what is truncated, producers and epochs too', async () => {
      const log = await start()
      await log.append(sequenced(5n, 0, 0, 4), 'client')
      await log.becomeLeader(1)
      await log.append(sequenced(5n, 0, 4, 4), 'client')
      await log.truncate(6)
      expect(log.logEndOffset).toBe(4)
      expect(log.endOffsetForEpoch(0)).toEqual({ leaderEpoch: 0, endOffset: 4 })
      expect((await log.append(sequenced(5n, 0, 4, 1), 'client')).baseOffset).toBe(4)
      expect(await readAll(log)).toEqual([0, 1, 2, 3, 4])
    })

    it('obeys a new config from the next append on', async () => {
      const log = await start()
      await log.append(batch(1, { valueBytes: 2000 }), 'client')
      log.applyConfig(config({ maxMessageBytes: 1000 }))
      await expectRefused(log, batch(1, { valueBytes: 2000 }), 'MESSAGE_TOO_LARGE')
    })

    it('fails waiting appends when it is deleted', async () => {
      const log = await start()
      await log.append(batch(1), 'client')
      const waiting = errorOf(log.append(batch(1), 'client'))
      await log.delete()
      expect((await waiting).kafkaError).toBe('UNKNOWN_TOPIC_OR_PARTITION')
      expect((await errorOf(log.append(batch(1), 'client'))).kafkaError).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    })

    it('writes what waits before it closes', async () => {
      const log = await start()
      const waiting = log.append(batch(2), 'client')
      await log.close()
      expect((await waiting).baseOffset).toBe(0)
      expect((await errorOf(log.append(batch(1), 'client'))).kafkaError).toBe('KAFKA_STORAGE_ERROR')
    })

    it('fails all that waits behind a failed write, and knows only what was written', async () => {
      const log = await start()
      if (opened!.failNextWrite === undefined) return
      await log.append(sequenced(5n, 0, 0), 'client')
      opened!.failNextWrite()
      const failed = [1, 2, 3].map((sequence) => errorOf(log.append(sequenced(5n, 0, sequence), 'client')))
      const other = errorOf(log.append(sequenced(6n, 0, 0), 'client'))
      for (const error of await Promise.all([...failed, other])) expect(error.kafkaError).toBe('KAFKA_STORAGE_ERROR')
      expect(log.logEndOffset).toBe(1)
      expect(log.producerStates()).toMatchObject([{ producerId: 5n, lastSequence: 0 }])
    })
  })
}
