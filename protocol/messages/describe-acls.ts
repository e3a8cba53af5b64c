import { api, array, int8, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * DescribeAcls (key 29): lists ACLs by a filter.
 * v1 patternTypeFilter (KIP-290), patternType · v2 flexible (KIP-482)
 */
export const describeAcls = api({
  key: 29,
  name: 'DescribeAcls',
  versions: '0-3',
  flexible: '2+',
  request: {
    resourceTypeFilter: int8(),
    resourceNameFilter: string({ nullable: '0+' }),
    patternTypeFilter: int8({ versions: '1+', default: 3 }),
    principalFilter: string({ nullable: '0+' }),
    hostFilter: string({ nullable: '0+' }),
    operation: int8(),
    permissionType: int8(),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+' }),
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      patternType: int8({ versions: '1+', default: 3 }),
      acls: array({ principal: string(), host: string(), operation: int8(), permissionType: int8() }),
    }),
  },
})
export type DescribeAclsRequest = Request<typeof describeAcls>
export type DescribeAclsResponse = Response<typeof describeAcls>
