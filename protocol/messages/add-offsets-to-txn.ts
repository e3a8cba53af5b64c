import { api, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * AddOffsetsToTxn (key 25): adds a group's offsets to an open transaction.
 * v3 flexible (KIP-482)
 */
export const addOffsetsToTxn = api({
  key: 25,
  name: 'AddOffsetsToTxn',
  versions: '0-4',
  flexible: '3+',
  request: { transactionalId: string(), producerId: int64(), producerEpoch: int16(), groupId: string() },
  response: { throttleTimeMs: int32(), errorCode: int16() },
})
export type AddOffsetsToTxnRequest = Request<typeof addOffsetsToTxn>
export type AddOffsetsToTxnResponse = Response<typeof addOffsetsToTxn>
