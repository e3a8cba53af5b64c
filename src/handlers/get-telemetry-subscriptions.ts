/** GetTelemetrySubscriptions: which metrics the broker wants of this client, and how often (KIP-714). */
import { getTelemetrySubscriptions } from '../../protocol/messages/get-telemetry-subscriptions.ts'
import { telemetryPeerOf } from './context.ts'
import { handle } from './handler.ts'

export const getTelemetrySubscriptionsHandler = handle(getTelemetrySubscriptions, {
  serve({ clientInstanceId }, context) {
    const subscription = context.clientTelemetry.subscribe(clientInstanceId, telemetryPeerOf(context))
    return { ...subscription, errorCode: 0 }
  },
  fail: (_request, errorCode) => ({ errorCode }),
})
