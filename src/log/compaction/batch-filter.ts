/**
 * log: what compaction leaves of one batch: all of it as it lies, nothing, its header alone, or a new batch with some of its records.
 *
 *     kept: records behind the offset map · the last record of a key, if it has a value or is a tombstone whose time has not come
 *     dropped: records of aborted transactions · markers that mark nothing, once their time has come · records without a key
 *     delete horizon (KIP-534): the first compaction that meets a tombstone or such a marker says until when it stays
 *
 * Source: Kafka's Cleaner and MemoryRecords.filterTo.
 */
import { buildMessageSet, buildRecordBatch, optionsOf, type RecordToWrite } from '../../../protocol/records/builder.ts'
import { RecordCursor, recordCursor, recordsOf } from '../../../protocol/records/record.ts'
import { noTimestamp, type RecordBatchView } from '../../../protocol/records/record-batch.ts'
import type { CleanedTransactions } from './cleaned-transactions.ts'
import type { OffsetMap } from './offset-map.ts'

/** The last batch with data of a producer that is still known, or -1 when only markers are, and its epoch. */
export interface LastBatchOfProducer {
  readonly lastOffset: number
  readonly producerEpoch: number
}

export interface FilterRules {
  readonly map: OffsetMap
  /** The map knows the records below: no key's record from here on is dropped. */
  readonly mapEndOffset: number
  readonly nowMs: number
  readonly deleteRetentionMs: number
  /** Of those the last batch stays, if only its header: duplicates are found by it. */
  readonly lastBatches: ReadonlyMap<bigint, LastBatchOfProducer>
  /** Where the cleanable part of the log ends: the last batch before it stays, if only its header, so that no offset is given twice. */
  readonly upperBoundOffset: number
}

export class BatchFilter {
  readonly #rules: FilterRules
  readonly #transactions: CleanedTransactions
  /** By number of the record: it stays. */
  #kept = new Uint8Array(1024)

  constructor(rules: FilterRules, transactions: CleanedTransactions) {
    this.#rules = rules
    this.#transactions = transactions
  }

  /**
   * The batch as it stays; undefined: it goes. `keepsLegacyTombstones`: those of magic 0 and 1, which have no delete horizon.
   * Batches must come in the order of their offsets.
   */
  filter(batch: RecordBatchView, keepsLegacyTombstones: boolean): Buffer | undefined {
    const canDiscard = this.#transactions.read(batch)
    if (batch.magic < 2) return this.#filterLegacy(batch, keepsLegacyTombstones)
    const { nowMs, deleteRetentionMs } = this.#rules
    const horizonMs = batch.deleteHorizonMs
    if (canDiscard && (!batch.isControl || (horizonMs !== undefined && horizonMs <= nowMs))) return this.#emptied(batch)
    const cursor = recordCursor(batch)
    const { keptCount, hasTombstone } = this.#choose(batch, cursor)
    if (keptCount === 0) return this.#emptied(batch)
    const needsHorizon = horizonMs === undefined && (hasTombstone || (canDiscard && batch.isControl))
    if (keptCount === batch.recordCount && !needsHorizon) return batch.bytes
    return this.#rebuilt(batch, cursor.bytes, needsHorizon ? nowMs + deleteRetentionMs : horizonMs)
  }

  /** Notes for each record whether it stays. */
  #choose(batch: RecordBatchView, cursor: RecordCursor): { keptCount: number; hasTombstone: boolean } {
    const { map, mapEndOffset, nowMs } = this.#rules
    const { isControl } = batch
    const horizonMs = batch.deleteHorizonMs
    const keepsTombstones = horizonMs === undefined || nowMs < horizonMs
    if (this.#kept.length < batch.recordCount) this.#kept = new Uint8Array(batch.recordCount)
    let keptCount = 0
    let hasTombstone = false
    while (cursor.next()) {
      const isTombstone = cursor.valueLength < 0
      const { offset } = cursor
      const isKept =
        isControl ||
        offset >= mapEndOffset ||
        (cursor.hasKey &&
          (!isTombstone || keepsTombstones) &&
          offset >= map.get(cursor.bytes, cursor.keyStart, cursor.keyLength))
      this.#kept[cursor.index] = isKept ? 1 : 0
      if (!isKept) continue
      keptCount += 1
      hasTombstone ||= isTombstone
    }
    return { keptCount, hasTombstone }
  }

  /** `records`: those of the batch, decompressed. */
  #rebuilt(batch: RecordBatchView, records: Buffer, deleteHorizonMs: number | undefined): Buffer {
    const kept: RecordToWrite[] = []
    const cursor = new RecordCursor(batch, records)
    while (cursor.next()) if (this.#kept[cursor.index] === 1) kept.push(cursor.record())
    // Times count from the first record that is left; the last offset stays: the producer's last sequence follows from it.
    const { baseTimestamp: _base, maxTimestamp: _max, ...header } = optionsOf(batch)
    return buildRecordBatch({ ...header, deleteHorizonMs }, kept)
  }

  /** The header alone where somebody still needs it. */
  #emptied(batch: RecordBatchView): Buffer | undefined {
    const isLast = batch.nextOffset === this.#rules.upperBoundOffset
    if (!isLast && !this.#isLastOfProducer(batch)) return undefined
    if (batch.recordCount === 0) return batch.bytes
    const header = {
      ...optionsOf(batch),
      codec: 'none',
      baseTimestamp: noTimestamp,
      deleteHorizonMs: undefined,
    } as const
    return buildRecordBatch(header, [])
  }

  #isLastOfProducer(batch: RecordBatchView): boolean {
    if (!batch.hasProducerId) return false
    const last = this.#rules.lastBatches.get(batch.producerId)
    if (last === undefined) return false
    if (last.lastOffset >= 0) return batch.lastOffset === last.lastOffset
    return batch.isControl && batch.producerEpoch === last.producerEpoch
  }

  #filterLegacy(batch: RecordBatchView, keepsTombstones: boolean): Buffer | undefined {
    const { map, mapEndOffset } = this.#rules
    const all = [...recordsOf(batch)]
    const kept = all.filter(
      ({ offset, key, value }) =>
        offset >= mapEndOffset ||
        (key !== null && (value !== null || keepsTombstones) && offset >= map.get(key, 0, key.length)),
    )
    if (kept.length === all.length) return batch.bytes
    if (kept.length === 0) return undefined
    return buildMessageSet(
      batch.magic as 0 | 1,
      {
        codec: batch.codec,
        timestampType: batch.timestampType === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
        logAppendTimeMs: batch.maxTimestamp,
        baseOffset: kept[0]!.offset,
      },
      kept,
    )
  }
}
