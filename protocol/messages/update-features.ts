import { api, array, bool, int8, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * UpdateFeatures (key 57): raises or lowers finalised feature levels.
 * v1 upgradeType (KIP-584), validateOnly · until v0 allowDowngrade · until v1 results
 */
export const updateFeatures = api({
  key: 57,
  name: 'UpdateFeatures',
  versions: '0-2',
  flexible: '0+',
  request: {
    timeoutMs: int32({ default: 60000 }),
    featureUpdates: array({
      feature: string(),
      maxVersionLevel: int16(),
      allowDowngrade: bool({ versions: '0' }),
      upgradeType: int8({ versions: '1+', default: 1 }),
    }),
    validateOnly: bool({ versions: '1+' }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+' }),
    results: array(
      { feature: string(), errorCode: int16(), errorMessage: string({ nullable: '0+' }) },
      { versions: '0-1' },
    ),
  },
})
export type UpdateFeaturesRequest = Request<typeof updateFeatures>
export type UpdateFeaturesResponse = Response<typeof updateFeatures>
