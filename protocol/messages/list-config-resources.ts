import { api, array, int8, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * ListConfigResources (key 74): names of the resources that have configs.
 * v1 resourceTypes (KIP-1142), resourceType
 */
export const listConfigResources = api({
  key: 74,
  name: 'ListConfigResources',
  versions: '0-1',
  flexible: '0+',
  request: { resourceTypes: array(int8(), { versions: '1+' }) },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    configResources: array({ resourceName: string(), resourceType: int8({ versions: '1+', default: 16 }) }),
  },
})
export type ListConfigResourcesRequest = Request<typeof listConfigResources>
export type ListConfigResourcesResponse = Response<typeof listConfigResources>
