/** protocol/state: transactional ids in `__transaction_state`, the end markers in partitions, and producer snapshots. Source: Kafka 4.3.1's definitions. */
import { array, int8, int16, int32, int64, string, uint32 } from '../schema/index.ts'
import { stored } from './stored.ts'

export const transactionLogKey = stored('TransactionLogKey', {
  type: 0,
  versions: '0',
  flexible: 'none',
  fields: { transactionalId: string({ versions: '0' }) },
})

export const transactionLogValue = stored('TransactionLogValue', {
  type: 0,
  versions: '0-1',
  flexible: '1+',
  fields: {
    producerId: int64(),
    previousProducerId: int64({ versions: '1+', tag: 0, default: -1n }),
    nextProducerId: int64({ versions: '1+', tag: 1, default: -1n }),
    producerEpoch: int16(),
    nextProducerEpoch: int16({ versions: '1+', tag: 3, default: -1 }),
    transactionTimeoutMs: int32(),
    transactionStatus: int8(),
    transactionPartitions: array({ topic: string(), partitionIds: array(int32()) }, { nullable: '0+' }),
    transactionLastUpdateTimestampMs: int64({ js: 'number' }),
    transactionStartTimestampMs: int64({ js: 'number' }),
    clientTransactionVersion: int16({ versions: '1+', tag: 2 }),
  },
})

export const endTxnMarker = stored('EndTxnMarker', {
  versions: '0',
  flexible: 'none',
  fields: { coordinatorEpoch: int32() },
})

export const controlRecordTypeSchema = stored('ControlRecordTypeSchema', {
  versions: '0',
  flexible: 'none',
  fields: { type: int16() },
})

export const producerSnapshot = stored('ProducerSnapshot', {
  versions: '1',
  flexible: 'none',
  fields: {
    crc: uint32({ versions: '1' }),
    producerEntries: array(
      {
        producerId: int64({ versions: '1' }),
        epoch: int16({ versions: '1' }),
        lastSequence: int32({ versions: '1' }),
        lastOffset: int64({ versions: '1', js: 'number' }),
        offsetDelta: int32({ versions: '1' }),
        timestamp: int64({ versions: '1', js: 'number' }),
        coordinatorEpoch: int32({ versions: '1' }),
        currentTxnFirstOffset: int64({ versions: '1', js: 'number' }),
      },
      { versions: '1' },
    ),
  },
})
