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
  string,
  struct,
  uuid,
} from '../schema/index.ts'

/**
 * ShareAcknowledge (key 79): a share consumer acknowledges records (KIP-932).
 * v2 isRenewAck, acquisitionLockTimeoutMs
 */
export const shareAcknowledge = api({
  key: 79,
  name: 'ShareAcknowledge',
  versions: '0-2',
  flexible: '0+',
  request: {
    groupId: string({ nullable: '0+', default: null }),
    memberId: string({ nullable: '0+' }),
    shareSessionEpoch: int32(),
    isRenewAck: bool({ versions: '2+' }),
    topics: array({
      topicId: uuid(),
      partitions: array({
        partitionIndex: int32(),
        acknowledgementBatches: array({
          firstOffset: int64({ js: 'number' }),
          lastOffset: int64({ js: 'number' }),
          acknowledgeTypes: array(int8()),
        }),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+', default: null }),
    acquisitionLockTimeoutMs: int32({ versions: '2+' }),
    responses: array({
      topicId: uuid(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: '0+', default: null }),
        currentLeader: struct({ leaderId: int32(), leaderEpoch: int32() }),
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
export type ShareAcknowledgeRequest = Request<typeof shareAcknowledge>
export type ShareAcknowledgeResponse = Response<typeof shareAcknowledge>
