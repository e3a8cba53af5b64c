/** coordinator: the batches in which a state machine's records are written. */
import {
  buildEndTransactionMarker,
  buildRecordBatch,
  type Codec,
  recordBatchOverhead,
} from '../../protocol/records/index.ts'
import type { RecordsTransaction, StoredRecord, TransactionMarker } from './state-machine.ts'

/** More than the lengths, deltas and the header count around a record's key and value can take. */
const recordOverhead = 24

/** All records in one batch. */
export function buildBatch(
  records: readonly StoredRecord[],
  timestamp: number,
  codec: Codec,
  transaction?: RecordsTransaction,
): Buffer {
  const written = records.map(({ key, value }) => ({ timestamp, key, value }))
  if (transaction === undefined) return buildRecordBatch({ codec }, written)
  const { producerId, producerEpoch } = transaction
  return buildRecordBatch({ codec, producerId, producerEpoch, baseSequence: 0, isTransactional: true }, written)
}

/** The control batch that ends a transaction. */
export function buildMarker({ isCommit, ...marker }: TransactionMarker, timestamp: number): Buffer {
  return buildEndTransactionMarker({ ...marker, type: isCommit ? 'COMMIT' : 'ABORT', timestamp })
}

/** Batches of at most `maxBytes` each before they are compressed, in one buffer; a record that is larger gets its own. */
export function buildBatches(
  records: readonly StoredRecord[],
  timestamp: number,
  codec: Codec,
  maxBytes: number,
): Buffer {
  const batches: Buffer[] = []
  let first = 0
  let size = recordBatchOverhead
  for (const [index, record] of records.entries()) {
    const recordSize = sizeBound(record)
    if (index > first && size + recordSize > maxBytes) {
      batches.push(buildBatch(records.slice(first, index), timestamp, codec))
      first = index
      size = recordBatchOverhead
    }
    size += recordSize
  }
  batches.push(buildBatch(records.slice(first), timestamp, codec))
  return batches.length === 1 ? batches[0]! : Buffer.concat(batches)
}

/** What `record` adds to a batch at most. */
export function sizeBound({ key, value }: StoredRecord): number {
  return recordOverhead + key.length + (value?.length ?? 0)
}
