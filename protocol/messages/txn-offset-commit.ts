import { api, array, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * TxnOffsetCommit (key 28): commits offsets as part of a transaction.
 * v2 committedLeaderEpoch · v3 generationId, memberId, groupInstanceId (KIP-345), flexible (KIP-482)
 */
export const txnOffsetCommit = api({
  key: 28,
  name: 'TxnOffsetCommit',
  versions: '0-5',
  flexible: '3+',
  request: {
    transactionalId: string(),
    groupId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    generationId: int32({ versions: '3+', default: -1 }),
    memberId: string({ versions: '3+' }),
    groupInstanceId: string({ versions: '3+', nullable: '3+', default: null }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        committedOffset: int64({ js: 'number' }),
        committedLeaderEpoch: int32({ versions: '2+', default: -1 }),
        committedMetadata: string({ nullable: '0+' }),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32(),
    topics: array({ name: string(), partitions: array({ partitionIndex: int32(), errorCode: int16() }) }),
  },
})
export type TxnOffsetCommitRequest = Request<typeof txnOffsetCommit>
export type TxnOffsetCommitResponse = Response<typeof txnOffsetCommit>
