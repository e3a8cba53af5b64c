import { api, array, bool, float64, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * AlterClientQuotas (key 49): sets and removes quotas.
 * v1 flexible (KIP-482)
 */
export const alterClientQuotas = api({
  key: 49,
  name: 'AlterClientQuotas',
  versions: '0-1',
  flexible: '1+',
  request: {
    entries: array({
      entity: array({ entityType: string(), entityName: string({ nullable: '0+' }) }),
      ops: array({ key: string(), value: float64(), remove: bool() }),
    }),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    entries: array({
      errorCode: int16(),
      errorMessage: string({ nullable: '0+' }),
      entity: array({ entityType: string(), entityName: string({ nullable: '0+' }) }),
    }),
  },
})
export type AlterClientQuotasRequest = Request<typeof alterClientQuotas>
export type AlterClientQuotasResponse = Response<typeof alterClientQuotas>
