import { api, array, bool, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * ApiVersions (key 18): which APIs, versions and features the broker serves.
 * v1 throttleTimeMs · v3 clientSoftwareName (KIP-511), clientSoftwareVersion, supportedFeatures (KIP-584),
 * finalizedFeaturesEpoch, finalizedFeatures, zkMigrationReady (KIP-866), flexible (KIP-482)
 */
export const apiVersions = api({
  key: 18,
  name: 'ApiVersions',
  versions: '0-4',
  flexible: '3+',
  request: { clientSoftwareName: string({ versions: '3+' }), clientSoftwareVersion: string({ versions: '3+' }) },
  response: {
    errorCode: int16(),
    apiKeys: array({ apiKey: int16(), minVersion: int16(), maxVersion: int16() }),
    throttleTimeMs: int32({ versions: '1+' }),
    supportedFeatures: array(
      {
        name: string({ versions: '3+' }),
        minVersion: int16({ versions: '3+' }),
        maxVersion: int16({ versions: '3+' }),
      },
      { versions: '3+', tag: 0 },
    ),
    finalizedFeaturesEpoch: int64({ versions: '3+', tag: 1, default: -1, js: 'number' }),
    finalizedFeatures: array(
      {
        name: string({ versions: '3+' }),
        maxVersionLevel: int16({ versions: '3+' }),
        minVersionLevel: int16({ versions: '3+' }),
      },
      { versions: '3+', tag: 2 },
    ),
    zkMigrationReady: bool({ versions: '3+', tag: 3 }),
  },
})
export type ApiVersionsRequest = Request<typeof apiVersions>
export type ApiVersionsResponse = Response<typeof apiVersions>
