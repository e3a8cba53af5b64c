import { api, array, bool, int16, int32, int64, type Request, type Response, uuid } from '../schema/index.ts'

/**
 * BrokerHeartbeat (key 63): a broker tells the controller that it is alive.
 * v1 offlineLogDirs · v2 cordonedLogDirs
 */
export const brokerHeartbeat = api({
  key: 63,
  name: 'BrokerHeartbeat',
  versions: '0-2',
  flexible: '0+',
  request: {
    brokerId: int32(),
    brokerEpoch: int64({ default: -1, js: 'number' }),
    currentMetadataOffset: int64({ js: 'number' }),
    wantFence: bool(),
    wantShutDown: bool(),
    offlineLogDirs: array(uuid(), { versions: '1+', tag: 0 }),
    cordonedLogDirs: array(uuid(), { versions: '2+', nullable: '2+', tag: 1, default: null }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    isCaughtUp: bool(),
    isFenced: bool({ default: true }),
    shouldShutDown: bool(),
  },
})
export type BrokerHeartbeatRequest = Request<typeof brokerHeartbeat>
export type BrokerHeartbeatResponse = Response<typeof brokerHeartbeat>
