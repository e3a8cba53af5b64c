/** PushTelemetry: the metrics of one client (KIP-714). */
import { pushTelemetry } from '../../protocol/messages/push-telemetry.ts'
import { telemetryPeerOf } from './context.ts'
import { handle } from './handler.ts'

export const pushTelemetryHandler = handle(pushTelemetry, {
  serve(request, context) {
    context.clientTelemetry.push(request, telemetryPeerOf(context))
    return { errorCode: 0 }
  },
  fail: (_request, errorCode) => ({ errorCode }),
})
