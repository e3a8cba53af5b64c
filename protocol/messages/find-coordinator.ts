import { api, array, int8, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * FindCoordinator (key 10): which broker coordinates a group, a transactional id or a share partition.
 * v1 keyType, throttleTimeMs, errorMessage · v3 flexible (KIP-482) · v4 coordinatorKeys (KIP-699), coordinators ·
 * until v3 key, errorCode, errorMessage, nodeId, host, port
 */
export const findCoordinator = api({
  key: 10,
  name: 'FindCoordinator',
  versions: '0-6',
  flexible: '3+',
  request: {
    key: string({ versions: '0-3' }),
    keyType: int8({ versions: '1+' }),
    coordinatorKeys: array(string(), { versions: '4+' }),
  },
  response: {
    throttleTimeMs: int32({ versions: '1+' }),
    errorCode: int16({ versions: '0-3' }),
    errorMessage: string({ versions: '1-3', nullable: '1-3' }),
    nodeId: int32({ versions: '0-3' }),
    host: string({ versions: '0-3' }),
    port: int32({ versions: '0-3' }),
    coordinators: array(
      {
        key: string({ versions: '4+' }),
        nodeId: int32({ versions: '4+' }),
        host: string({ versions: '4+' }),
        port: int32({ versions: '4+' }),
        errorCode: int16({ versions: '4+' }),
        errorMessage: string({ versions: '4+', nullable: '4+' }),
      },
      { versions: '4+' },
    ),
  },
})
export type FindCoordinatorRequest = Request<typeof findCoordinator>
export type FindCoordinatorResponse = Response<typeof findCoordinator>
