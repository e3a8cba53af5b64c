/** handlers: ApiVersions: what is served, from the one list of handlers, and the features (KIP-584). */

import { KafkaError } from '../../protocol/errors.ts'
import { apiVersions } from '../../protocol/messages/api-versions.ts'
import { handle } from './handler.ts'

/** Client software names and versions that Kafka takes (KIP-511). */
const softwareName = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/
/** From here on the request says what the client is. */
const firstSoftwareVersion = 3

export const apiVersionsHandler = handle(apiVersions, {
  serve(request, { apiVersion, handlers, cluster }) {
    if (apiVersion >= firstSoftwareVersion) {
      const named = softwareName.test(request.clientSoftwareName) && softwareName.test(request.clientSoftwareVersion)
      if (!named) throw new KafkaError('INVALID_REQUEST')
    }
    const features = cluster.features()
    return {
      apiKeys: handlers.map(({ api, versions }) => ({
        apiKey: api.key,
        minVersion: versions.first,
        maxVersion: versions.last,
      })),
      supportedFeatures: features.supported,
      finalizedFeaturesEpoch: features.epoch,
      finalizedFeatures: features.finalized,
    }
  },
  fail: (_request, errorCode) => ({ errorCode }),
})
