import {
  api,
  array,
  bool,
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
 * ShareFetch (key 78): a share consumer acquires and acknowledges records (KIP-932).
 * v1 maxRecords, batchSize, acquisitionLockTimeoutMs · v2 shareAcquireMode, isRenewAck · until v0
 * partitionMaxBytes
 */
export const shareFetch = api({
  key: 78,
  name: 'ShareFetch',
  versions: '0-2',
  flexible: '0+',
  request: {
    groupId: string({ nullable: '0+', default: null }),
    memberId: string({ nullable: '0+' }),
    shareSessionEpoch: int32(),
    maxWaitMs: int32(),
    minBytes: int32(),
    maxBytes: int32({ default: 2147483647 }),
    maxRecords: int32({ versions: '1+' }),
    batchSize: int32({ versions: '1+' }),
    shareAcquireMode: int8({ versions: '2+' }),
    isRenewAck: bool({ versions: '2+' }),
    topics: array({
      topicId: uuid(),
      partitions: array({
        partitionIndex: int32(),
        partitionMaxBytes: int32({ versions: '0' }),
        acknowledgementBatches: array({
          firstOffset: int64({ js: 'number' }),
          lastOffset: int64({ js: 'number' }),
          acknowledgeTypes: array(int8()),
        }),
      }),
    }),
    forgottenTopicsData: array({ topicId: uuid(), partitions: array(int32()) }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+', default: null }),
    acquisitionLockTimeoutMs: int32({ versions: '1+' }),
    responses: array({
      topicId: uuid(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: '0+', default: null }),
        acknowledgeErrorCode: int16(),
        acknowledgeErrorMessage: string({ nullable: '0+', default: null }),
        currentLeader: struct({ leaderId: int32(), leaderEpoch: int32() }),
        records: records({ nullable: '0' }),
        acquiredRecords: array({
          firstOffset: int64({ js: 'number' }),
          lastOffset: int64({ js: 'number' }),
          deliveryCount: int16(),
        }),
      }),
    }),
    nodeEndpoints: array({
      nodeId: int32(),
      host: string(),
      port: int32(),
      rack: string({ nullable: '0+', default: null }),
    }),
  },
})
export type ShareFetchRequest = Request<typeof shareFetch>
export type ShareFetchResponse = Response<typeof shareFetch>
