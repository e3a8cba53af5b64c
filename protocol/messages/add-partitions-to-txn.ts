import { api, array, bool, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

const addPartitionsToTxnTopic = { name: string(), partitions: array(int32()) }
const addPartitionsToTxnPartitionResult = { partitionIndex: int32(), partitionErrorCode: int16() }
const addPartitionsToTxnTopicResult = { name: string(), resultsByPartition: array(addPartitionsToTxnPartitionResult) }

/**
 * AddPartitionsToTxn (key 24): adds partitions to an open transaction.
 * v3 flexible (KIP-482) · v4 transactions (KIP-890), errorCode, resultsByTransaction · until v3
 * v3AndBelowTransactionalId, v3AndBelowProducerId, v3AndBelowProducerEpoch, v3AndBelowTopics,
 * resultsByTopicV3AndBelow
 */
export const addPartitionsToTxn = api({
  key: 24,
  name: 'AddPartitionsToTxn',
  versions: '0-5',
  flexible: '3+',
  request: {
    transactions: array(
      {
        transactionalId: string({ versions: '4+' }),
        producerId: int64({ versions: '4+' }),
        producerEpoch: int16({ versions: '4+' }),
        verifyOnly: bool({ versions: '4+' }),
        topics: array(addPartitionsToTxnTopic, { versions: '4+' }),
      },
      { versions: '4+' },
    ),
    v3AndBelowTransactionalId: string({ versions: '0-3' }),
    v3AndBelowProducerId: int64({ versions: '0-3' }),
    v3AndBelowProducerEpoch: int16({ versions: '0-3' }),
    v3AndBelowTopics: array(addPartitionsToTxnTopic, { versions: '0-3' }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16({ versions: '4+' }),
    resultsByTransaction: array(
      {
        transactionalId: string({ versions: '4+' }),
        topicResults: array(addPartitionsToTxnTopicResult, { versions: '4+' }),
      },
      { versions: '4+' },
    ),
    resultsByTopicV3AndBelow: array(addPartitionsToTxnTopicResult, { versions: '0-3' }),
  },
})
export type AddPartitionsToTxnRequest = Request<typeof addPartitionsToTxn>
export type AddPartitionsToTxnResponse = Response<typeof addPartitionsToTxn>
