import { api, array, bool, int8, int16, int32, type Request, type Response, string, uuid } from '../schema/index.ts'

/**
 * GetTelemetrySubscriptions (key 71): which client metrics the broker wants (KIP-714).
 */
export const getTelemetrySubscriptions = api({
  key: 71,
  name: 'GetTelemetrySubscriptions',
  versions: '0',
  flexible: '0+',
  request: { clientInstanceId: uuid() },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    clientInstanceId: uuid(),
    subscriptionId: int32(),
    acceptedCompressionTypes: array(int8()),
    pushIntervalMs: int32(),
    telemetryMaxBytes: int32(),
    deltaTemporality: bool(),
    requestedMetrics: array(string()),
  },
})
export type GetTelemetrySubscriptionsRequest = Request<typeof getTelemetrySubscriptions>
export type GetTelemetrySubscriptionsResponse = Response<typeof getTelemetrySubscriptions>
