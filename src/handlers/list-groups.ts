/** handlers: ListGroups: the groups that this broker coordinates. */
import { listGroups } from '../../protocol/messages/list-groups.ts'
import { clusterResource } from '../security/acl.ts'
import { handle } from './handler.ts'

export const listGroupsHandler = handle(listGroups, {
  async serve(request, { groups, access }) {
    const listed = await groups.listGroups(request)
    const seesAll = access.isAllowed('Cluster', clusterResource, 'Describe')
    return { groups: seesAll ? listed : listed.filter(({ groupId }) => access.isAllowed('Group', groupId, 'Describe')) }
  },
  fail: (_request, errorCode) => ({ errorCode }),
})
