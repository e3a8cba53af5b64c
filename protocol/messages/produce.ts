import {
  api,
  array,
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
 * Produce (key 0): a producer appends record batches to partitions.
 * v1 throttleTimeMs · v2 logAppendTimeMs · v3 transactionalId (KIP-98) · v5 logStartOffset (KIP-107) · v8
 * recordErrors (KIP-467), errorMessage · v9 flexible (KIP-482) · v10 currentLeader (KIP-951), nodeEndpoints
 * (KIP-951) · v13 topicId (KIP-516) · until v12 name
 */
export const produce = api({
  key: 0,
  name: 'Produce',
  versions: '0-13',
  flexible: '9+',
  request: {
    transactionalId: string({ versions: '3+', nullable: '3+', default: null }),
    acks: int16(),
    timeoutMs: int32(),
    topicData: array({
      name: string({ versions: '0-12' }),
      topicId: uuid({ versions: '13+' }),
      partitionData: array({ index: int32(), records: records({ nullable: '0+' }) }),
    }),
  },
  response: {
    responses: array({
      name: string({ versions: '0-12' }),
      topicId: uuid({ versions: '13+' }),
      partitionResponses: array({
        index: int32(),
        errorCode: int16(),
        baseOffset: int64({ js: 'number' }),
        logAppendTimeMs: int64({ versions: '2+', default: -1, js: 'number' }),
        logStartOffset: int64({ versions: '5+', default: -1, js: 'number' }),
        recordErrors: array(
          {
            batchIndex: int32({ versions: '8+' }),
            batchIndexErrorMessage: string({ versions: '8+', nullable: '8+', default: null }),
          },
          { versions: '8+' },
        ),
        errorMessage: string({ versions: '8+', nullable: '8+', default: null }),
        currentLeader: struct(
          { leaderId: int32({ versions: '10+', default: -1 }), leaderEpoch: int32({ versions: '10+', default: -1 }) },
          { versions: '10+', tag: 0 },
        ),
      }),
    }),
    throttleTimeMs: int32({ versions: '1+' }),
    nodeEndpoints: array(
      {
        nodeId: int32({ versions: '10+' }),
        host: string({ versions: '10+' }),
        port: int32({ versions: '10+' }),
        rack: string({ versions: '10+', nullable: '10+', default: null }),
      },
      { versions: '10+', tag: 0 },
    ),
  },
})
export type ProduceRequest = Request<typeof produce>
export type ProduceResponse = Response<typeof produce>
