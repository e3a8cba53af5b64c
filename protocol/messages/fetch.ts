import {
  api,
  array,
  int8,
  int16,
  int32,
  int64,
  type Request,
  type Response,
  records,
  string,
  struct,
  uuid,
} from '../schema/index.ts'

/**
 * Fetch (key 1): a consumer reads record batches, waiting for them if it likes; sessions by KIP-227.
 * v1 throttleTimeMs · v3 maxBytes · v4 isolationLevel (KIP-98), lastStableOffset, abortedTransactions (KIP-98) ·
 * v5 logStartOffset (KIP-107) · v7 sessionId (KIP-227), sessionEpoch, forgottenTopicsData, errorCode · v9
 * currentLeaderEpoch (KIP-320) · v11 rackId (KIP-392), preferredReadReplica · v12 clusterId (KIP-595),
 * lastFetchedEpoch, divergingEpoch (KIP-595), currentLeader (KIP-951), snapshotId, flexible (KIP-482) · v13
 * topicId (KIP-516) · v15 replicaState (KIP-903) · v16 nodeEndpoints (KIP-951) · v17 replicaDirectoryId (KIP-853)
 * · v18 highWatermark (KIP-1166) · until v12 topic · until v14 replicaId
 */
export const fetch = api({
  key: 1,
  name: 'Fetch',
  versions: '0-18',
  flexible: '12+',
  request: {
    clusterId: string({ versions: '12+', nullable: '12+', tag: 0, default: null }),
    replicaId: int32({ versions: '0-14', default: -1 }),
    replicaState: struct(
      {
        replicaId: int32({ versions: '15+', default: -1 }),
        replicaEpoch: int64({ versions: '15+', default: -1, js: 'number' }),
      },
      { versions: '15+', tag: 1 },
    ),
    maxWaitMs: int32(),
    minBytes: int32(),
    maxBytes: int32({ versions: '3+', default: 2147483647 }),
    isolationLevel: int8({ versions: '4+' }),
    sessionId: int32({ versions: '7+' }),
    sessionEpoch: int32({ versions: '7+', default: -1 }),
    topics: array({
      topic: string({ versions: '0-12' }),
      topicId: uuid({ versions: '13+' }),
      partitions: array({
        partition: int32(),
        currentLeaderEpoch: int32({ versions: '9+', default: -1 }),
        fetchOffset: int64({ js: 'number' }),
        lastFetchedEpoch: int32({ versions: '12+', default: -1 }),
        logStartOffset: int64({ versions: '5+', default: -1, js: 'number' }),
        partitionMaxBytes: int32(),
        replicaDirectoryId: uuid({ versions: '17+', tag: 0 }),
        highWatermark: int64({ versions: '18+', tag: 1, default: 9223372036854775807n, js: 'number' }),
      }),
    }),
    forgottenTopicsData: array(
      {
        topic: string({ versions: '7-12' }),
        topicId: uuid({ versions: '13+' }),
        partitions: array(int32(), { versions: '7+' }),
      },
      { versions: '7+' },
    ),
    rackId: string({ versions: '11+' }),
  },
  response: {
    throttleTimeMs: int32({ versions: '1+' }),
    errorCode: int16({ versions: '7+' }),
    sessionId: int32({ versions: '7+' }),
    responses: array({
      topic: string({ versions: '0-12' }),
      topicId: uuid({ versions: '13+' }),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        highWatermark: int64({ js: 'number' }),
        lastStableOffset: int64({ versions: '4+', default: -1, js: 'number' }),
        logStartOffset: int64({ versions: '5+', default: -1, js: 'number' }),
        divergingEpoch: struct(
          {
            epoch: int32({ versions: '12+', default: -1 }),
            endOffset: int64({ versions: '12+', default: -1, js: 'number' }),
          },
          { versions: '12+', tag: 0 },
        ),
        currentLeader: struct(
          { leaderId: int32({ versions: '12+', default: -1 }), leaderEpoch: int32({ versions: '12+', default: -1 }) },
          { versions: '12+', tag: 1 },
        ),
        snapshotId: struct(
          { endOffset: int64({ default: -1, js: 'number' }), epoch: int32({ default: -1 }) },
          { versions: '12+', tag: 2 },
        ),
        abortedTransactions: array(
          { producerId: int64({ versions: '4+' }), firstOffset: int64({ versions: '4+', js: 'number' }) },
          { versions: '4+', nullable: '4+' },
        ),
        preferredReadReplica: int32({ versions: '11+', default: -1 }),
        records: records({ nullable: '0+' }),
      }),
    }),
    nodeEndpoints: array(
      {
        nodeId: int32({ versions: '16+' }),
        host: string({ versions: '16+' }),
        port: int32({ versions: '16+' }),
        rack: string({ versions: '16+', nullable: '16+', default: null }),
      },
      { versions: '16+', tag: 0 },
    ),
  },
})
export type FetchRequest = Request<typeof fetch>
export type FetchResponse = Response<typeof fetch>
