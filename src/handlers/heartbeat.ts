/** handlers: Heartbeat: does this member still belong to the group's generation? */
import { errorCode } from '../../protocol/errors.ts'
import { heartbeat } from '../../protocol/messages/heartbeat.ts'
import { handle } from './handler.ts'

const loadInProgress = errorCode('COORDINATOR_LOAD_IN_PROGRESS')

export const heartbeatHandler = handle(heartbeat, {
  serve(request, { groups, access }) {
    access.require('Group', request.groupId, 'Read')
    const done = groups.heartbeat(request)
    return done === undefined ? {} : done.then(() => ({}))
  },
  // Until the group is known again, a member is believed.
  fail: (_request, errorCode) => ({ errorCode: errorCode === loadInProgress ? 0 : errorCode }),
})
