import { api, array, bool, int8, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * AlterConfigs (key 33): replaces all dynamic configs of resources.
 * v2 flexible (KIP-482)
 */
export const alterConfigs = api({
  key: 33,
  name: 'AlterConfigs',
  versions: '0-2',
  flexible: '2+',
  request: {
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      configs: array({ name: string(), value: string({ nullable: '0+' }) }),
    }),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    responses: array({
      errorCode: int16(),
      errorMessage: string({ nullable: '0+' }),
      resourceType: int8(),
      resourceName: string(),
    }),
  },
})
export type AlterConfigsRequest = Request<typeof alterConfigs>
export type AlterConfigsResponse = Response<typeof alterConfigs>
