/** handlers: CreateAcls: adds ACLs, those that are there already included. */
import { createAcls } from '../../protocol/messages/create-acls.ts'
import { clusterResource } from '../security/acl.ts'
import { requireAcls, requireKnown } from './acls.ts'
import { handle } from './handler.ts'

export const createAclsHandler = handle(createAcls, {
  async serve({ creations }, context) {
    for (const { resourceType, resourcePatternType, operation, permissionType } of creations) {
      requireKnown(resourceType, resourcePatternType, operation, permissionType)
    }
    const acls = requireAcls(context)
    context.access.require('Cluster', clusterResource, 'Alter')
    acls.requireFew(creations.length)
    const created = creations.map(({ resourcePatternType: patternType, ...acl }) => ({ ...acl, patternType }))
    return { results: await acls.create(created) }
  },
  fail: ({ creations }, errorCode, _context, errorMessage) => ({
    results: creations.map(() => ({ errorCode, errorMessage })),
  }),
})
