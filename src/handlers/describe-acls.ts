/** handlers: DescribeAcls: the ACLs that a filter means, by resource. */
import { describeAcls } from '../../protocol/messages/describe-acls.ts'
import { type Acl, clusterResource } from '../security/acl.ts'
import { requireAcls, requireKnown } from './acls.ts'
import { handle } from './handler.ts'

export const describeAclsHandler = handle(describeAcls, {
  serve(filter, context) {
    const { resourceTypeFilter, patternTypeFilter, operation, permissionType } = filter
    requireKnown(resourceTypeFilter, patternTypeFilter, operation, permissionType)
    const acls = requireAcls(context, 'No Authorizer is configured on the broker')
    context.access.require('Cluster', clusterResource, 'Describe')
    const byResource = new Map<string, Acl[]>()
    for (const acl of acls.describe(filter)) {
      const key = `${acl.resourceType} ${acl.patternType} ${acl.resourceName}`
      const others = byResource.get(key)
      if (others === undefined) byResource.set(key, [acl])
      else others.push(acl)
    }
    const resources = Array.from(byResource.values(), (acls) => {
      const { resourceType, resourceName, patternType } = acls[0]!
      return { resourceType, resourceName, patternType, acls }
    })
    return { errorMessage: '', resources }
  },
  fail: (_filter, errorCode, _context, errorMessage) => ({ errorCode, errorMessage, resources: [] }),
})
