/** handlers: SyncGroup: the leader hands in the assignment, every member gets its part. */
import { KafkaError } from '../../protocol/errors.ts'
import { syncGroup } from '../../protocol/messages/sync-group.ts'
import { handle } from './handler.ts'

export const syncGroupHandler = handle(syncGroup, {
  serve(request, { groups, access, apiVersion }) {
    if (apiVersion >= 5 && (request.protocolType === null || request.protocolName === null)) {
      throw new KafkaError('INCONSISTENT_GROUP_PROTOCOL')
    }
    access.require('Group', request.groupId, 'Read')
    return groups.syncGroup(request)
  },
  fail: (_request, errorCode) => ({ errorCode }),
})
