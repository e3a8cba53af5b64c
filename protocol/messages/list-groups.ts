import { api, array, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * ListGroups (key 16): the groups that a broker coordinates.
 * v1 throttleTimeMs · v3 flexible (KIP-482) · v4 statesFilter (KIP-518), groupState · v5 typesFilter (KIP-848),
 * groupType
 */
export const listGroups = api({
  key: 16,
  name: 'ListGroups',
  versions: '0-5',
  flexible: '3+',
  request: { statesFilter: array(string(), { versions: '4+' }), typesFilter: array(string(), { versions: '5+' }) },
  response: {
    throttleTimeMs: int32({ versions: '1+' }),
    errorCode: int16(),
    groups: array({
      groupId: string(),
      protocolType: string(),
      groupState: string({ versions: '4+' }),
      groupType: string({ versions: '5+' }),
    }),
  },
})
export type ListGroupsRequest = Request<typeof listGroups>
export type ListGroupsResponse = Response<typeof listGroups>
