/** Test helpers of the log room: batches, directories, clocks. */

import { batchesIn } from '../../protocol/records/batches.ts'
import { buildRecordBatch, type RecordBatchOptions, type RecordToWrite } from '../../protocol/records/builder.ts'
import { recordsOf } from '../../protocol/records/record.ts'
import type { RecordBatchView } from '../../protocol/records/record-batch.ts'
import { defaultLogConfig, type LogConfig } from '../../src/log/log-config.ts'
import { LogDirectory, type LogDirectoryOptions } from '../../src/log/log-directory.ts'
import type { PartitionLog, ReadResult } from '../../src/log/partition-log.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { SeededRandom } from '../../src/runtime/random.ts'

export const startMs = 1_700_000_000_000

export function records(
  count: number,
  options: { timestamp?: number; valueBytes?: number; key?: string | null } = {},
): RecordToWrite[] {
  const { timestamp = startMs, valueBytes = 10, key = 'key' } = options
  return Array.from({ length: count }, (_, index) => ({
    timestamp,
    key: key === null ? null : Buffer.from(key),
    value: Buffer.alloc(valueBytes, 97 + (index % 26)),
  }))
}

export function batch(count = 1, options: Parameters<typeof records>[1] = {}, header: RecordBatchOptions = {}): Buffer {
  return buildRecordBatch(header, records(count, options))
}

/** A batch of an idempotent producer. */
export function sequenced(producerId: bigint, producerEpoch: number, baseSequence: number, count = 1): Buffer {
  return batch(count, {}, { producerId, producerEpoch, baseSequence })
}

export function directoryOptions(
  files: LogDirectoryOptions['files'] = new MemoryFileSystem(),
  more: Partial<LogDirectoryOptions> = {},
): LogDirectoryOptions {
  return {
    path: 'data',
    nodeId: 1,
    files,
    clock: new SimulatedClock(startMs),
    random: new SeededRandom(1),
    logger: silentLogger,
    ...more,
  }
}

export const config = (overrides: Partial<LogConfig> = {}): LogConfig => ({ ...defaultLogConfig, ...overrides })

export function openDirectory(
  files?: LogDirectoryOptions['files'],
  more: Partial<LogDirectoryOptions> = {},
): Promise<LogDirectory> {
  return LogDirectory.open(directoryOptions(files, more))
}

export async function openLog(directory: LogDirectory, overrides: Partial<LogConfig> = {}, topic = 'topic') {
  const log = await directory.openPartition({ topic, partition: 0, config: config(overrides) })
  await log.becomeLeader(Math.max(0, log.leaderEpoch))
  return log
}

/** Base offset, last offset and record count of each batch. */
export function batchesOf(result: ReadResult): string[] {
  const bytes = Buffer.concat(result.records)
  return [...batchesIn(bytes)].map((view) => `${view.baseOffset}-${view.lastOffset}`)
}

export function viewsOf(result: ReadResult): RecordBatchView[] {
  return [...batchesIn(Buffer.concat(result.records))]
}

export function offsetsOf(result: ReadResult): number[] {
  return viewsOf(result).flatMap((view) => [...recordsOf(view)].map((record) => record.offset))
}

/** Reads from `fromOffset` to the end, one answer after the other. */
export async function readAll(log: PartitionLog, fromOffset = log.logStartOffset, maxBytes = 1000): Promise<number[]> {
  const offsets: number[] = []
  for (let next = fromOffset; ; ) {
    const result = await log.read(next, { maxBytes, minOneBatch: true, isolation: 'high_watermark' })
    const found = offsetsOf(result).filter((offset) => offset >= next)
    if (found.length === 0) return offsets
    offsets.push(...found)
    next = found.at(-1)! + 1
  }
}
