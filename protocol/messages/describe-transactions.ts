import { api, array, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * DescribeTransactions (key 65): state of transactional ids.
 */
export const describeTransactions = api({
  key: 65,
  name: 'DescribeTransactions',
  versions: '0',
  flexible: '0+',
  request: { transactionalIds: array(string()) },
  response: {
    throttleTimeMs: int32(),
    transactionStates: array({
      errorCode: int16(),
      transactionalId: string(),
      transactionState: string(),
      transactionTimeoutMs: int32(),
      transactionStartTimeMs: int64({ js: 'number' }),
      producerId: int64(),
      producerEpoch: int16(),
      topics: array({ topic: string(), partitions: array(int32()) }),
    }),
  },
})
export type DescribeTransactionsRequest = Request<typeof describeTransactions>
export type DescribeTransactionsResponse = Response<typeof describeTransactions>
