/** AlterConfigs: replaces all configs of a resource. */
import { alterConfigs } from '../../protocol/messages/alter-configs.ts'
import { alterConfigsAsAsked, failedAlteration } from './altered-configs.ts'
import { handle } from './handler.ts'

export const alterConfigsHandler = handle(alterConfigs, {
  serve: (request, context) => alterConfigsAsAsked(request, true, context),
  fail: ({ resources }, errorCode, _context, message) => failedAlteration(resources, errorCode, message),
})
