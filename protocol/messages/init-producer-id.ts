import { api, bool, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * InitProducerId (key 22): gives a producer its id and epoch, and ends what an earlier one left open.
 * v2 flexible (KIP-482) · v3 producerId, producerEpoch · v6 enable2Pc (KIP-939), keepPreparedTxn,
 * ongoingTxnProducerId, ongoingTxnProducerEpoch
 */
export const initProducerId = api({
  key: 22,
  name: 'InitProducerId',
  versions: '0-6',
  flexible: '2+',
  unstable: '6',
  request: {
    transactionalId: string({ nullable: '0+' }),
    transactionTimeoutMs: int32(),
    producerId: int64({ versions: '3+', default: -1n }),
    producerEpoch: int16({ versions: '3+', default: -1 }),
    enable2Pc: bool({ versions: '6+' }),
    keepPreparedTxn: bool({ versions: '6+' }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    producerId: int64({ default: -1n }),
    producerEpoch: int16(),
    ongoingTxnProducerId: int64({ versions: '6+', default: -1n }),
    ongoingTxnProducerEpoch: int16({ versions: '6+', default: -1 }),
  },
})
export type InitProducerIdRequest = Request<typeof initProducerId>
export type InitProducerIdResponse = Response<typeof initProducerId>
