/** UpdateFeatures (KIP-584): raises or lowers finalised feature levels, all of them or none. */
import { errorCode } from '../../protocol/errors.ts'
import { updateFeatures } from '../../protocol/messages/update-features.ts'
import type { UpgradeType } from '../cluster/feature-commands.ts'
import { clusterResource } from '../security/acl.ts'
import { handle } from './handler.ts'

/** By Kafka's codes. Before v1 a request has no type: it is an upgrade. */
const upgradeTypes: readonly UpgradeType[] = [undefined, 'upgrade', 'safeDowngrade', 'unsafeDowngrade']
/** From here on an answer says nothing of single features. */
const firstWithoutResults = 2

export const updateFeaturesHandler = handle(updateFeatures, {
  async serve({ featureUpdates, validateOnly }, { access, cluster, apiVersion }) {
    access.require('Cluster', clusterResource, 'Alter')
    const updates = featureUpdates.map(({ feature, maxVersionLevel, upgradeType }) => ({
      feature,
      level: maxVersionLevel,
      type: upgradeTypes[upgradeType],
    }))
    await cluster.controller.updateFeatures(updates, { validateOnly })
    const results = featureUpdates.map(({ feature }) => ({ feature, errorCode: 0, errorMessage: 'NONE' }))
    return { errorCode: 0, errorMessage: null, results: apiVersion < firstWithoutResults ? results : [] }
  },
  fail: (_request, code, _context, message) => ({
    errorCode: code,
    errorMessage:
      code === errorCode('INVALID_UPDATE_VERSION')
        ? `The update failed for all features since the following feature had an error: ${message}`
        : message,
    results: [],
  }),
})
