import { api, array, bool, int16, int32, int64, type Request, type Response, string, uuid } from '../schema/index.ts'

/**
 * OffsetFetch (key 9): reads the committed offsets of one or more groups.
 * v2 errorCode · v3 throttleTimeMs · v5 committedLeaderEpoch · v6 flexible (KIP-482) · v7 requireStable (KIP-447)
 * · v8 groups (KIP-709) · v9 memberId, memberEpoch (KIP-848) · v10 topicId (KIP-516) · until v7 groupId, topics,
 * name, partitionIndexes, partitions, partitionIndex, committedOffset, committedLeaderEpoch, metadata, errorCode ·
 * until v9 name
 */
export const offsetFetch = api({
  key: 9,
  name: 'OffsetFetch',
  versions: '0-10',
  flexible: '6+',
  request: {
    groupId: string({ versions: '0-7' }),
    topics: array(
      { name: string({ versions: '0-7' }), partitionIndexes: array(int32(), { versions: '0-7' }) },
      { versions: '0-7', nullable: '2-7' },
    ),
    groups: array(
      {
        groupId: string({ versions: '8+' }),
        memberId: string({ versions: '9+', nullable: '9+', default: null }),
        memberEpoch: int32({ versions: '9+', default: -1 }),
        topics: array(
          {
            name: string({ versions: '8-9' }),
            topicId: uuid({ versions: '10+' }),
            partitionIndexes: array(int32(), { versions: '8+' }),
          },
          { versions: '8+', nullable: '8+' },
        ),
      },
      { versions: '8+' },
    ),
    requireStable: bool({ versions: '7+' }),
  },
  response: {
    throttleTimeMs: int32({ versions: '3+' }),
    topics: array(
      {
        name: string({ versions: '0-7' }),
        partitions: array(
          {
            partitionIndex: int32({ versions: '0-7' }),
            committedOffset: int64({ versions: '0-7', js: 'number' }),
            committedLeaderEpoch: int32({ versions: '5-7', default: -1 }),
            metadata: string({ versions: '0-7', nullable: '0-7' }),
            errorCode: int16({ versions: '0-7' }),
          },
          { versions: '0-7' },
        ),
      },
      { versions: '0-7' },
    ),
    errorCode: int16({ versions: '2-7' }),
    groups: array(
      {
        groupId: string({ versions: '8+' }),
        topics: array(
          {
            name: string({ versions: '8-9' }),
            topicId: uuid({ versions: '10+' }),
            partitions: array(
              {
                partitionIndex: int32({ versions: '8+' }),
                committedOffset: int64({ versions: '8+', js: 'number' }),
                committedLeaderEpoch: int32({ versions: '8+', default: -1 }),
                metadata: string({ versions: '8+', nullable: '8+' }),
                errorCode: int16({ versions: '8+' }),
              },
              { versions: '8+' },
            ),
          },
          { versions: '8+' },
        ),
        errorCode: int16({ versions: '8+' }),
      },
      { versions: '8+' },
    ),
  },
})
export type OffsetFetchRequest = Request<typeof offsetFetch>
export type OffsetFetchResponse = Response<typeof offsetFetch>
