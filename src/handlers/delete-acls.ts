/** handlers: DeleteAcls: removes the ACLs that any of the filters means, and says which those were. */
import { deleteAcls } from '../../protocol/messages/delete-acls.ts'
import { clusterResource } from '../security/acl.ts'
import { requireAcls, requireKnown } from './acls.ts'
import { handle } from './handler.ts'

export const deleteAclsHandler = handle(deleteAcls, {
  async serve({ filters }, context) {
    for (const { resourceTypeFilter, patternTypeFilter, operation, permissionType } of filters) {
      requireKnown(resourceTypeFilter, patternTypeFilter, operation, permissionType)
    }
    const acls = requireAcls(context)
    context.access.require('Cluster', clusterResource, 'Alter')
    const filterResults = (await acls.delete(filters)).map(({ matchingAcls, ...result }) => ({
      ...result,
      matchingAcls: matchingAcls.map((acl) => ({ ...acl, errorCode: 0, errorMessage: null })),
    }))
    return { filterResults }
  },
  fail: ({ filters }, errorCode, _context, errorMessage) => ({
    filterResults: filters.map(() => ({ errorCode, errorMessage, matchingAcls: [] })),
  }),
})
