import { api, array, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * DeleteGroups (key 42): deletes empty groups.
 * v2 flexible (KIP-482)
 */
export const deleteGroups = api({
  key: 42,
  name: 'DeleteGroups',
  versions: '0-2',
  flexible: '2+',
  request: { groupsNames: array(string()) },
  response: { throttleTimeMs: int32(), results: array({ groupId: string(), errorCode: int16() }) },
})
export type DeleteGroupsRequest = Request<typeof deleteGroups>
export type DeleteGroupsResponse = Response<typeof deleteGroups>
