import { api, array, bool, int8, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * IncrementalAlterConfigs (key 44): sets, deletes, appends to and subtracts from single configs.
 * v1 flexible (KIP-482)
 */
export const incrementalAlterConfigs = api({
  key: 44,
  name: 'IncrementalAlterConfigs',
  versions: '0-1',
  flexible: '1+',
  request: {
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      configs: array({ name: string(), configOperation: int8(), value: string({ nullable: '0+' }) }),
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
export type IncrementalAlterConfigsRequest = Request<typeof incrementalAlterConfigs>
export type IncrementalAlterConfigsResponse = Response<typeof incrementalAlterConfigs>
