import { api, bool, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * EndTxn (key 26): commits or aborts a transaction.
 * v3 flexible (KIP-482) · v5 producerId, producerEpoch
 */
export const endTxn = api({
  key: 26,
  name: 'EndTxn',
  versions: '0-5',
  flexible: '3+',
  request: { transactionalId: string(), producerId: int64(), producerEpoch: int16(), committed: bool() },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    producerId: int64({ versions: '5+', default: -1n }),
    producerEpoch: int16({ versions: '5+', default: -1 }),
  },
})
export type EndTxnRequest = Request<typeof endTxn>
export type EndTxnResponse = Response<typeof endTxn>
