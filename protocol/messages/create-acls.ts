import { api, array, int8, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * CreateAcls (key 30): creates ACLs.
 * v1 resourcePatternType (KIP-290) · v2 flexible (KIP-482)
 */
export const createAcls = api({
  key: 30,
  name: 'CreateAcls',
  versions: '0-3',
  flexible: '2+',
  request: {
    creations: array({
      resourceType: int8(),
      resourceName: string(),
      resourcePatternType: int8({ versions: '1+', default: 3 }),
      principal: string(),
      host: string(),
      operation: int8(),
      permissionType: int8(),
    }),
  },
  response: {
    throttleTimeMs: int32(),
    results: array({ errorCode: int16(), errorMessage: string({ nullable: '0+' }) }),
  },
})
export type CreateAclsRequest = Request<typeof createAcls>
export type CreateAclsResponse = Response<typeof createAcls>
