import {
  api,
  array,
  bool,
  int16,
  int32,
  int64,
  type Request,
  type Response,
  string,
  uint16,
  uuid,
} from '../schema/index.ts'

/**
 * BrokerRegistration (key 62): a broker registers with the controller.
 * v1 isMigratingZkBroker · v2 logDirs · v3 previousBrokerEpoch
 */
export const brokerRegistration = api({
  key: 62,
  name: 'BrokerRegistration',
  versions: '0-4',
  flexible: '0+',
  request: {
    brokerId: int32(),
    clusterId: string(),
    incarnationId: uuid(),
    listeners: array({ name: string(), host: string(), port: uint16(), securityProtocol: int16() }),
    features: array({ name: string(), minSupportedVersion: int16(), maxSupportedVersion: int16() }),
    rack: string({ nullable: '0+' }),
    isMigratingZkBroker: bool({ versions: '1+' }),
    logDirs: array(uuid(), { versions: '2+' }),
    previousBrokerEpoch: int64({ versions: '3+', default: -1, js: 'number' }),
  },
  response: { throttleTimeMs: int32(), errorCode: int16(), brokerEpoch: int64({ default: -1, js: 'number' }) },
})
export type BrokerRegistrationRequest = Request<typeof brokerRegistration>
export type BrokerRegistrationResponse = Response<typeof brokerRegistration>
