import { api, int16, int32, type Request, type Response, string, uuid } from '../schema/index.ts'

/**
 * RemoveRaftVoter (key 81): removes a voter from the metadata quorum (KIP-853).
 */
export const removeRaftVoter = api({
  key: 81,
  name: 'RemoveRaftVoter',
  versions: '0',
  flexible: '0+',
  request: { clusterId: string({ nullable: '0+' }), voterId: int32(), voterDirectoryId: uuid() },
  response: { throttleTimeMs: int32(), errorCode: int16(), errorMessage: string({ nullable: '0+' }) },
})
export type RemoveRaftVoterRequest = Request<typeof removeRaftVoter>
export type RemoveRaftVoterResponse = Response<typeof removeRaftVoter>
