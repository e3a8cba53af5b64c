/**
 * protocol/records: control batches: one record that a broker wrote, not a producer. Its key is int16 version, int16 type.
 * End-transaction markers carry int16 version, int32 coordinatorEpoch; the others a value of protocol/state, given here as bytes.
 */
import { KafkaError } from '../errors.ts'
import { buildRecordBatch } from './builder.ts'
import { recordsOf } from './record.ts'
import { type RecordBatchView, writeInt32 } from './record-batch.ts'

/** In the order of their ids. */
export const controlRecordTypes = [
  'ABORT',
  'COMMIT',
  'LEADER_CHANGE',
  'SNAPSHOT_HEADER',
  'SNAPSHOT_FOOTER',
  'KRAFT_VERSION',
  'KRAFT_VOTERS',
] as const

export type ControlRecordType = (typeof controlRecordTypes)[number]

/** UNKNOWN for the type of a later Kafka. @throws KafkaError INVALID_RECORD for a key that is too short or of a negative version. */
export function controlRecordTypeOf(key: Buffer | null): ControlRecordType | 'UNKNOWN' {
  if (key === null || key.length < 4) {
    throw new KafkaError('INVALID_RECORD', `Invalid key size ${key?.length ?? -1} found for a control record`)
  }
  const version = key.readInt16BE(0)
  if (version < 0) {
    throw new KafkaError(
      'INVALID_RECORD',
      `Invalid version ${version} found for a control record: may indicate data corruption`,
    )
  }
  return controlRecordTypes[key.readInt16BE(2)] ?? 'UNKNOWN'
}

export interface EndTransactionMarker {
  readonly type: 'ABORT' | 'COMMIT'
  readonly coordinatorEpoch: number
}

/**
 * The marker that a control batch holds; undefined when it is a control batch of another kind.
 * @throws KafkaError INVALID_RECORD for a batch without a record, and for a key or value that can't be one.
 */
export function endTransactionMarkerOf(batch: RecordBatchView): EndTransactionMarker | undefined {
  for (const { key, value } of recordsOf(batch)) {
    const type = controlRecordTypeOf(key)
    if (type !== 'ABORT' && type !== 'COMMIT') return undefined
    if (value === null || value.length < 6 || value.readInt16BE(0) < 0) {
      throw new KafkaError('INVALID_RECORD', 'Invalid value found for an end transaction marker')
    }
    return { type, coordinatorEpoch: value.readInt32BE(2) }
  }
  throw new KafkaError('INVALID_RECORD', 'A control batch without a record')
}

export interface ControlBatchOptions {
  readonly baseOffset?: number
  readonly timestamp: number
  readonly partitionLeaderEpoch?: number
}

export interface EndTransactionMarkerOptions extends ControlBatchOptions, EndTransactionMarker {
  readonly producerId: bigint
  readonly producerEpoch: number
}

export function buildEndTransactionMarker(options: EndTransactionMarkerOptions): Buffer {
  const value = Buffer.alloc(6)
  writeInt32(value, 2, options.coordinatorEpoch)
  const { baseOffset = 0, partitionLeaderEpoch = -1, producerId, producerEpoch, timestamp } = options
  return buildRecordBatch(
    { baseOffset, partitionLeaderEpoch, producerId, producerEpoch, isTransactional: true, isControl: true },
    [{ timestamp, key: controlKey(options.type), value }],
  )
}

/** `value`: the control record's encoded value, its version field included. */
export function buildControlBatch(
  type: Exclude<ControlRecordType, 'ABORT' | 'COMMIT'>,
  value: Buffer,
  options: ControlBatchOptions,
): Buffer {
  const { baseOffset = 0, partitionLeaderEpoch = -1, timestamp } = options
  return buildRecordBatch({ baseOffset, partitionLeaderEpoch, isControl: true }, [
    { timestamp, key: controlKey(type), value },
  ])
}

function controlKey(type: ControlRecordType): Buffer {
  return Buffer.from([0, 0, 0, controlRecordTypes.indexOf(type)])
}
