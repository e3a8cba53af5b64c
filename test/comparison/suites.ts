/** test: all scenarios, by the file that holds them; each suite is told to a broker of its own. */
import type { Scenario } from './conversation.ts'
import { aclsScenarios } from './scenarios/acls.ts'
import { adminScenarios } from './scenarios/admin.ts'
import { alteredConfigsScenarios } from './scenarios/altered-configs.ts'
import { authorizationScenarios } from './scenarios/authorization.ts'
import { clusterScenarios } from './scenarios/cluster.ts'
import { committedOffsetsScenarios } from './scenarios/committed-offsets.ts'
import {
  classicOnlyScenarios,
  consumerGroupsRestrictedScenarios,
  consumerGroupsScenarios,
} from './scenarios/consumer-groups.ts'
import { featuresScenarios } from './scenarios/features.ts'
import { fetchScenarios } from './scenarios/fetch.ts'
import { groupsScenarios } from './scenarios/groups.ts'
import { offsetsScenarios } from './scenarios/offsets.ts'
import { produceScenarios } from './scenarios/produce.ts'
import { quotasScenarios } from './scenarios/quotas.ts'
import { restrictedScenarios } from './scenarios/restricted.ts'
import { scramScenarios } from './scenarios/scram.ts'
import { telemetryScenarios } from './scenarios/telemetry.ts'
import { topicsScenarios } from './scenarios/topics.ts'
import { transactionalPartitionsScenarios } from './scenarios/transactional-partitions.ts'
import { transactionalProduceScenarios } from './scenarios/transactional-produce.ts'
import { transactionsScenarios } from './scenarios/transactions.ts'

export interface Suite {
  readonly name: string
  /** Broker configs beside those that all suites have. */
  readonly configs: Readonly<Record<string, string>>
  readonly scenarios: readonly Scenario[]
}

/** Small internal topics, and no retention, for the records are years old. */
const everySuite = { 'log.retention.ms': '-1', 'offsets.topic.num.partitions': '3' }

function suite(name: string, scenarios: readonly Scenario[], configs: Record<string, string> = {}): Suite {
  return { name, scenarios, configs: { ...everySuite, ...configs } }
}

export const suites: readonly Suite[] = [
  suite('produce', produceScenarios),
  suite('fetch', fetchScenarios),
  suite('offsets', offsetsScenarios),
  suite('topics', topicsScenarios),
  suite('cluster', clusterScenarios),
  suite('quotas', quotasScenarios),
  suite('scram', scramScenarios),
  suite('telemetry', telemetryScenarios, { 'telemetry.max.bytes': '100' }),
  suite('admin', adminScenarios),
  suite('altered-configs', alteredConfigsScenarios),
  suite('features', featuresScenarios),
  suite('groups', groupsScenarios),
  suite('committed-offsets', committedOffsetsScenarios),
  suite('consumer-groups', consumerGroupsScenarios, { 'group.consumer.assignment.interval.ms': '0' }),
  suite('consumer-groups-restricted', consumerGroupsRestrictedScenarios, {
    'group.consumer.max.size': '1',
    'group.consumer.assignors': 'range',
    'group.consumer.migration.policy': 'disabled',
  }),
  suite('classic-only', classicOnlyScenarios, { 'group.coordinator.rebalance.protocols': 'classic' }),
  suite('acls', [...aclsScenarios, ...authorizationScenarios], {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found': 'true',
    'auto.create.topics.enable': 'false',
  }),
  suite('transactions', transactionsScenarios, {
    'transaction.state.log.num.partitions': '3',
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': '100',
  }),
  suite('transactional-partitions', transactionalPartitionsScenarios, {
    'transaction.partition.verification.enable': 'false',
  }),
  suite('transactional-produce', transactionalProduceScenarios, { 'transaction.state.log.num.partitions': '3' }),
  suite('restricted', restrictedScenarios, {
    'auto.create.topics.enable': 'false',
    'delete.topic.enable': 'false',
    'num.partitions': '3',
    'message.max.bytes': '400',
    'log.message.timestamp.type': 'LogAppendTime',
    'group.max.size': '1',
    'group.min.session.timeout.ms': '100',
    'group.max.session.timeout.ms': '20000',
    'offset.metadata.max.bytes': '10',
  }),
]
