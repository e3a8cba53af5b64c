import { api, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * Heartbeat (key 12): a classic-protocol member tells its group coordinator that it is alive.
 * v1 throttleTimeMs · v3 groupInstanceId (KIP-345) · v4 flexible (KIP-482)
 */
export const heartbeat = api({
  key: 12,
  name: 'Heartbeat',
  versions: '0-4',
  flexible: '4+',
  request: {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ versions: '3+', nullable: '3+', default: null }),
  },
  response: { throttleTimeMs: int32({ versions: '1+' }), errorCode: int16() },
})
export type HeartbeatRequest = Request<typeof heartbeat>
export type HeartbeatResponse = Response<typeof heartbeat>
