/**
 * metadata: the form of a snapshot, `<end offset, 20 digits>-<epoch, 10 digits>.checkpoint`, and of `bootstrap.checkpoint`. Offsets in it count
 * from 0. Source: Kafka's RecordsSnapshotWriter, Snapshots.
 *
 *     control batch: SnapshotHeader [KRaftVersion KRaftVoters] | record batches | control batch: SnapshotFooter
 */
import { batchesIn, controlRecordTypeOf, recordsOf, wholeBatchesEnd } from '../../protocol/records/index.ts'
import { snapshotFooterRecord, snapshotHeaderRecord } from '../../protocol/state/index.ts'
import { type ControlRecord, controlBatch, decodeControlBody, recordBatch } from './kraft-files.ts'
import type { MetadataRecord } from './metadata-record.ts'

export interface SnapshotId {
  /** The offset of the first record that it does not hold. */
  readonly endOffset: number
  /** Of the last record that it holds. */
  readonly epoch: number
}

export interface SnapshotOptions extends Pick<SnapshotId, 'epoch'> {
  /** KRaftVersion and KRaftVoters, where kraft.version is not 0. */
  readonly quorumRecords: readonly ControlRecord[]
  /** Now. */
  readonly timestamp: number
  /** Of the last record that it holds. */
  readonly lastContainedLogTimestamp: number
}

/** A batch of a snapshot ends with whichever comes first; a record that is larger has one of its own. */
const maxBatchRecords = 1024
const maxBatchBytes = 1024 * 1024

const snapshotName = /^(\d{20})-(\d{10})\.checkpoint$/
/** What is being written, by Odradek or by Kafka, whose names have a number by chance. */
const unfinishedName = /^\d{20}-\d{10}(-\d+)?\.checkpoint\.(part|deleted)$/

export function snapshotPath(directory: string, endOffset: number, epoch: number): string {
  return `${directory}/${String(endOffset).padStart(20, '0')}-${String(epoch).padStart(10, '0')}.checkpoint`
}

/** Undefined for all other names. */
export function parseSnapshotName(name: string): SnapshotId | undefined {
  const match = snapshotName.exec(name)
  return match === null ? undefined : { endOffset: Number(match[1]), epoch: Number(match[2]) }
}

/** A snapshot that was never finished, or is about to go. */
export function isLeftOver(name: string): boolean {
  return unfinishedName.test(name)
}

/** The batches of a snapshot file, each when it is asked for. */
export function* snapshotBatches(records: Iterable<MetadataRecord>, options: SnapshotOptions): Generator<Buffer, void> {
  const { epoch, quorumRecords, timestamp, lastContainedLogTimestamp } = options
  const header: ControlRecord = {
    type: 'SNAPSHOT_HEADER',
    value: snapshotHeaderRecord.encodeBody(0, { lastContainedLogTimestamp }),
  }
  yield controlBatch([header, ...quorumRecords], { baseOffset: 0, epoch, timestamp })
  let baseOffset = 1 + quorumRecords.length
  let waiting: MetadataRecord[] = []
  let waitingBytes = 0
  const nextBatch = (): Buffer => {
    const batch = recordBatch(waiting, { baseOffset, epoch, timestamp })
    baseOffset += waiting.length
    waiting = []
    waitingBytes = 0
    return batch
  }
  for (const record of records) {
    if (waiting.length > 0 && waitingBytes + record.bytes.length > maxBatchBytes) yield nextBatch()
    waiting.push(record)
    waitingBytes += record.bytes.length
    if (waiting.length === maxBatchRecords) yield nextBatch()
  }
  if (waiting.length > 0) yield nextBatch()
  const footer: ControlRecord = { type: 'SNAPSHOT_FOOTER', value: snapshotFooterRecord.encodeBody(0, {}) }
  yield controlBatch([footer], { baseOffset, epoch, timestamp })
}

/** A small snapshot of an empty log, as formatting a directory leaves it. */
export function snapshotContent(
  records: readonly MetadataRecord[],
  quorumRecords: readonly ControlRecord[],
  timestamp: number,
): Buffer {
  const options = { epoch: 0, quorumRecords, timestamp, lastContainedLogTimestamp: timestamp }
  return Buffer.concat([...snapshotBatches(records, options)])
}

/** A header at the start, a footer at the end, and every batch with a good checksum. */
export function isWholeSnapshot(content: Buffer): boolean {
  try {
    if (wholeBatchesEnd(content) !== content.length) return false
    let hasFooter = false
    let hasHeader: boolean | undefined
    for (const batch of batchesIn(content)) {
      if (!batch.isCrcValid()) return false
      hasFooter = false
      if (batch.isControl) {
        for (const { key } of recordsOf(batch)) {
          const type = controlRecordTypeOf(key)
          hasHeader ??= type === 'SNAPSHOT_HEADER'
          hasFooter = type === 'SNAPSHOT_FOOTER'
        }
      }
      hasHeader ??= false
    }
    return hasHeader === true && hasFooter
  } catch {
    return false // what is no batch or no record at all
  }
}

/** What the header says. `start`: the first bytes of the file. 0 where they are no header. */
export function lastContainedLogTimestamp(start: Buffer): number {
  try {
    for (const batch of batchesIn(start)) {
      for (const { key, value } of recordsOf(batch)) {
        if (value === null || controlRecordTypeOf(key) !== 'SNAPSHOT_HEADER') return 0
        return Number(decodeControlBody(snapshotHeaderRecord, value).lastContainedLogTimestamp)
      }
    }
  } catch {
    return 0 // of a damaged file: the first to go
  }
  return 0
}

/** The metadata records of a snapshot's content. */
export function recordsInSnapshot(content: Buffer): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const batch of batchesIn(content)) {
    if (batch.isControl) continue
    for (const { value } of recordsOf(batch)) if (value !== null) records.push({ bytes: value })
  }
  return records
}
