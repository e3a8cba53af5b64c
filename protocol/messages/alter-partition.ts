import { api, array, int8, int16, int32, int64, type Request, type Response, string, uuid } from '../schema/index.ts'

/**
 * AlterPartition (key 56): a leader tells the controller its in-sync replicas.
 * v1 leaderRecoveryState · v2 topicId (KIP-516) · v3 newIsrWithEpochs · until v1 topicName · until v2 newIsr
 */
export const alterPartition = api({
  key: 56,
  name: 'AlterPartition',
  versions: '0-3',
  flexible: '0+',
  request: {
    brokerId: int32(),
    brokerEpoch: int64({ default: -1, js: 'number' }),
    topics: array({
      topicName: string({ versions: '0-1' }),
      topicId: uuid({ versions: '2+' }),
      partitions: array({
        partitionIndex: int32(),
        leaderEpoch: int32(),
        newIsr: array(int32(), { versions: '0-2' }),
        newIsrWithEpochs: array(
          { brokerId: int32({ versions: '3+' }), brokerEpoch: int64({ versions: '3+', default: -1, js: 'number' }) },
          { versions: '3+' },
        ),
        leaderRecoveryState: int8({ versions: '1+' }),
        partitionEpoch: int32(),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    topics: array({
      topicName: string({ versions: '0-1' }),
      topicId: uuid({ versions: '2+' }),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        leaderId: int32(),
        leaderEpoch: int32(),
        isr: array(int32()),
        leaderRecoveryState: int8({ versions: '1+' }),
        partitionEpoch: int32(),
      }),
    }),
  },
})
export type AlterPartitionRequest = Request<typeof alterPartition>
export type AlterPartitionResponse = Response<typeof alterPartition>
