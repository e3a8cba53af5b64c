import { api, array, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * ListTransactions (key 66): transactional ids that a broker coordinates.
 * v1 durationFilter (KIP-994) · v2 transactionalIdPattern (KIP-1152)
 */
export const listTransactions = api({
  key: 66,
  name: 'ListTransactions',
  versions: '0-2',
  flexible: '0+',
  request: {
    stateFilters: array(string()),
    producerIdFilters: array(int64()),
    durationFilter: int64({ versions: '1+', default: -1, js: 'number' }),
    transactionalIdPattern: string({ versions: '2+', nullable: '2+', default: null }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    unknownStateFilters: array(string()),
    transactionStates: array({ transactionalId: string(), producerId: int64(), transactionState: string() }),
  },
})
export type ListTransactionsRequest = Request<typeof listTransactions>
export type ListTransactionsResponse = Response<typeof listTransactions>
