import { api, array, bool, int16, int32, type Request, type Response, string, uint16, uuid } from '../schema/index.ts'

/**
 * AddRaftVoter (key 80): adds a voter to the metadata quorum (KIP-853).
 * v1 ackWhenCommitted
 */
export const addRaftVoter = api({
  key: 80,
  name: 'AddRaftVoter',
  versions: '0-1',
  flexible: '0+',
  request: {
    clusterId: string({ nullable: '0+' }),
    timeoutMs: int32(),
    voterId: int32(),
    voterDirectoryId: uuid(),
    listeners: array({ name: string(), host: string(), port: uint16() }),
    ackWhenCommitted: bool({ versions: '1+', default: true }),
  },
  response: { throttleTimeMs: int32(), errorCode: int16(), errorMessage: string({ nullable: '0+' }) },
})
export type AddRaftVoterRequest = Request<typeof addRaftVoter>
export type AddRaftVoterResponse = Response<typeof addRaftVoter>
