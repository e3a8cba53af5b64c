/** handlers: ListGroups: the groups that this broker coordinates. */
import { listGroups } from '../../protocol/messages/list-groups.ts'
import { clusterResource } from '../security/acl.ts'
import { handle } from './handler.ts'

export const listGroupsHandler = handle(listGroups, {
  async serve(request, { groups, access }) {
    const filter = { states: namesIn(request.statesFilter), types: namesIn(request.typesFilter) }
    const listed = await groups.listGroups(filter)
    const seesAll = access.isAllowed('Cluster', clusterResource, 'Describe')
    return { groups: seesAll ? listed : listed.filter(({ groupId }) => access.isAllowed('Group', groupId, 'Describe')) }
  },
  fail: (_request, errorCode) => ({ errorCode }),
})

/** In any case. */
function namesIn(filter: readonly string[]): Set<string> {
  return new Set(filter.map((name) => name.trim().toLowerCase()))
}
