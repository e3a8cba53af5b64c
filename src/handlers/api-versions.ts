/** handlers: ApiVersions: what is served, from the one list of handlers, and the features (KIP-584). */
import { KafkaError } from '../../protocol/errors.ts'
import { type ApiVersionsResponse, apiVersions } from '../../protocol/messages/api-versions.ts'
import { getTelemetrySubscriptions } from '../../protocol/messages/get-telemetry-subscriptions.ts'
import { pushTelemetry } from '../../protocol/messages/push-telemetry.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { supportedFeatures } from '../cluster/features.ts'
import { handle } from './handler.ts'

/** Client software names and versions that Kafka takes (KIP-511). */
const softwareName = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/
/** Told only where somebody takes what clients push; served in any case, as in Kafka (KIP-714). */
const telemetryKeys: ReadonlySet<number> = new Set([getTelemetrySubscriptions.key, pushTelemetry.key])
/** From here on the request says what the client is, and the answer has features. */
const firstFeatureVersion = 3
/** Clients before take a level of 0 for an error. */
const firstLevelZeroVersion = 4

export const apiVersionsHandler = handle(apiVersions, {
  serve(request, { apiVersion, handlers, cluster, connection, clientTelemetry }) {
    if (apiVersion >= firstFeatureVersion) {
      const isNamed = softwareName.test(request.clientSoftwareName) && softwareName.test(request.clientSoftwareVersion)
      if (!isNamed) throw new KafkaError('INVALID_REQUEST')
      connection.clientSoftware = { name: request.clientSoftwareName, version: request.clientSoftwareVersion }
    }
    const told = clientTelemetry.hasReceiver ? handlers : handlers.filter(({ api }) => !telemetryKeys.has(api.key))
    const apiKeys = told.map(({ api, versions }) => ({
      apiKey: api.key,
      minVersion: versions.first,
      maxVersion: versions.last,
    }))
    return { apiKeys, ...featuresOf(cluster, apiVersion) }
  },
  fail: (_request, errorCode) => ({ errorCode }),
})

/** Levels of features that are not served are not told, also when an earlier broker has finalised them in this directory. */
function featuresOf(cluster: Cluster, apiVersion: number): ApiVersionsResponse {
  const told = supportedFeatures.filter((each) => each.minSupportedVersion > 0 || apiVersion >= firstLevelZeroVersion)
  const levels = supportedFeatures.map(({ name }) => ({ name, level: cluster.features.level(name) }))
  return {
    supportedFeatures: told.map((each) => ({
      name: each.name,
      minVersion: each.minSupportedVersion,
      maxVersion: each.maxSupportedVersion,
    })),
    finalizedFeaturesEpoch: cluster.metadata.endOffset - 1,
    finalizedFeatures: levels
      .filter(({ level }) => level > 0)
      .map(({ name, level }) => ({ name, minVersionLevel: level, maxVersionLevel: level })),
  }
}
