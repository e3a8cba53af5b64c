import { api, array, bool, int16, int32, type Request, type Response, string, uint16, uuid } from '../schema/index.ts'

/**
 * ControllerRegistration (key 70): a controller registers with the active one.
 */
export const controllerRegistration = api({
  key: 70,
  name: 'ControllerRegistration',
  versions: '0',
  flexible: '0+',
  request: {
    controllerId: int32(),
    incarnationId: uuid(),
    zkMigrationReady: bool(),
    listeners: array({ name: string(), host: string(), port: uint16(), securityProtocol: int16() }),
    features: array({ name: string(), minSupportedVersion: int16(), maxSupportedVersion: int16() }),
  },
  response: { throttleTimeMs: int32(), errorCode: int16(), errorMessage: string({ nullable: '0+' }) },
})
export type ControllerRegistrationRequest = Request<typeof controllerRegistration>
export type ControllerRegistrationResponse = Response<typeof controllerRegistration>
