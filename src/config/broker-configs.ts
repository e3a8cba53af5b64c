/** config: every config of a broker, as Kafka 4.3.1 defines them; the rows live in `broker/` by subject. */

import { controllerConfigs } from './broker/controller.ts'
import { groupCoordinatorConfigs } from './broker/groups.ts'
import { logConfigs } from './broker/log.ts'
import { metricsConfigs } from './broker/metrics.ts'
import { networkConfigs } from './broker/network.ts'
import { quotaWindowConfigs } from './broker/quotas.ts'
import { replicationConfigs } from './broker/replication.ts'
import { securityConfigs } from './broker/security.ts'
import { serverConfigs } from './broker/server.ts'
import { shareGroupConfigs } from './broker/share-groups.ts'
import { tieredStorageConfigs } from './broker/tiered-storage.ts'
import { transactionConfigs } from './broker/transactions.ts'

export const brokerConfigs = {
  ...controllerConfigs,
  ...groupCoordinatorConfigs,
  ...logConfigs,
  ...metricsConfigs,
  ...networkConfigs,
  ...quotaWindowConfigs,
  ...replicationConfigs,
  ...securityConfigs,
  ...serverConfigs,
  ...shareGroupConfigs,
  ...tieredStorageConfigs,
  ...transactionConfigs,
} as const
