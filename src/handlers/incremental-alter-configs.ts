/** IncrementalAlterConfigs: sets and deletes single configs, adds items to lists and takes them away (KIP-339). */
import { incrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.ts'
import { alterConfigsAsAsked, failedAlteration } from './altered-configs.ts'
import { handle } from './handler.ts'

export const incrementalAlterConfigsHandler = handle(incrementalAlterConfigs, {
  serve: (request, context) => alterConfigsAsAsked(request, false, context),
  fail: ({ resources }, errorCode, _context, message) => failedAlteration(resources, errorCode, message),
})
