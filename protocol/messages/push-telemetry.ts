import { api, bool, bytes, int8, int16, int32, type Request, type Response, uuid } from '../schema/index.ts'

/**
 * PushTelemetry (key 72): a client hands in its metrics (KIP-714).
 */
export const pushTelemetry = api({
  key: 72,
  name: 'PushTelemetry',
  versions: '0',
  flexible: '0+',
  request: {
    clientInstanceId: uuid(),
    subscriptionId: int32(),
    terminating: bool(),
    compressionType: int8(),
    metrics: bytes(),
  },
  response: { throttleTimeMs: int32(), errorCode: int16() },
})
export type PushTelemetryRequest = Request<typeof pushTelemetry>
export type PushTelemetryResponse = Response<typeof pushTelemetry>
