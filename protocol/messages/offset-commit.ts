import { api, array, int16, int32, int64, type Request, type Response, string, uuid } from '../schema/index.ts'

/**
 * OffsetCommit (key 8): a group commits offsets, checked against member and generation.
 * v1 generationIdOrMemberEpoch (KIP-848), memberId, commitTimestamp · v2 retentionTimeMs · v3 throttleTimeMs · v6
 * committedLeaderEpoch · v7 groupInstanceId (KIP-345) · v8 flexible (KIP-482) · v10 topicId (KIP-516) · until v1
 * commitTimestamp · until v4 retentionTimeMs · until v9 name
 */
export const offsetCommit = api({
  key: 8,
  name: 'OffsetCommit',
  versions: '0-10',
  flexible: '8+',
  request: {
    groupId: string(),
    generationIdOrMemberEpoch: int32({ versions: '1+', default: -1 }),
    memberId: string({ versions: '1+' }),
    groupInstanceId: string({ versions: '7+', nullable: '7+', default: null }),
    retentionTimeMs: int64({ versions: '2-4', default: -1, js: 'number' }),
    topics: array({
      name: string({ versions: '0-9' }),
      topicId: uuid({ versions: '10+' }),
      partitions: array({
        partitionIndex: int32(),
        committedOffset: int64({ js: 'number' }),
        committedLeaderEpoch: int32({ versions: '6+', default: -1 }),
        commitTimestamp: int64({ versions: '1', default: -1, js: 'number' }),
        committedMetadata: string({ nullable: '0+' }),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32({ versions: '3+' }),
    topics: array({
      name: string({ versions: '0-9' }),
      topicId: uuid({ versions: '10+' }),
      partitions: array({ partitionIndex: int32(), errorCode: int16() }),
    }),
  },
})
export type OffsetCommitRequest = Request<typeof offsetCommit>
export type OffsetCommitResponse = Response<typeof offsetCommit>
