import { api, array, int16, int32, type Request, type Response, string, struct, uint16, uuid } from '../schema/index.ts'

/**
 * UpdateRaftVoter (key 82): a voter tells its endpoints and versions (KIP-853).
 */
export const updateRaftVoter = api({
  key: 82,
  name: 'UpdateRaftVoter',
  versions: '0',
  flexible: '0+',
  request: {
    clusterId: string({ nullable: '0+' }),
    currentLeaderEpoch: int32(),
    voterId: int32(),
    voterDirectoryId: uuid(),
    listeners: array({ name: string(), host: string(), port: uint16() }),
    kRaftVersionFeature: struct({ minSupportedVersion: int16(), maxSupportedVersion: int16() }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    currentLeader: struct(
      { leaderId: int32({ default: -1 }), leaderEpoch: int32({ default: -1 }), host: string(), port: int32() },
      { tag: 0 },
    ),
  },
})
export type UpdateRaftVoterRequest = Request<typeof updateRaftVoter>
export type UpdateRaftVoterResponse = Response<typeof updateRaftVoter>
