/** config: broker configs of the group coordinator and committed offsets. */

import { int, list, long, maxInt, short, string } from '../config-definition.ts'
import { notYet, obeyed } from '../effects.ts'
import { atLeast, listOf, nonEmptyList, oneOfAnyCase } from '../validators.ts'

export const groupCoordinatorConfigs = {
  'group.consumer.assignment.interval.ms': int(1000, {
    valid: atLeast(0),
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The interval between assignment updates for a consumer group.',
  }),
  'group.consumer.assignors': list(['uniform', 'range'], {
    valid: nonEmptyList,
    effect: obeyed,
    documentation:
      'The server side assignors as a list of either names for builtin assignors or full class names for customer assignors.',
  }),
  'group.consumer.heartbeat.interval.ms': int(5000, {
    valid: atLeast(1),
    effect: obeyed,
    documentation: 'The heartbeat interval given to the members of a consumer group.',
  }),
  'group.consumer.max.assignment.interval.ms': int(15000, {
    valid: atLeast(0),
    effect: obeyed,
    documentation: 'The maximum interval between assignment updates for a consumer group.',
  }),
  'group.consumer.max.heartbeat.interval.ms': int(15000, {
    valid: atLeast(1),
    effect: obeyed,
    documentation: 'The maximum heartbeat interval for registered consumers.',
  }),
  'group.consumer.max.session.timeout.ms': int(60000, {
    valid: atLeast(1),
    effect: obeyed,
    documentation: 'The maximum allowed session timeout for registered consumers.',
  }),
  'group.consumer.max.size': int(maxInt, {
    valid: atLeast(1),
    effect: obeyed,
    documentation: 'The maximum number of consumers that a single consumer group can accommodate.',
  }),
  'group.consumer.migration.policy': string('bidirectional', {
    valid: oneOfAnyCase('DISABLED', 'DOWNGRADE', 'UPGRADE', 'BIDIRECTIONAL'),
    effect: obeyed,
    documentation:
      'The config that enables converting the non-empty classic group using the consumer embedded protocol to the non-empty consumer group using the consumer group protocol and vice versa; conversions of empty groups in both directions are always enabled regardless of this policy.',
  }),
  'group.consumer.min.assignment.interval.ms': int(0, {
    valid: atLeast(0),
    effect: obeyed,
    documentation: 'The minimum interval between assignment updates for a consumer group.',
  }),
  'group.consumer.min.heartbeat.interval.ms': int(5000, {
    valid: atLeast(1),
    effect: obeyed,
    documentation: 'The minimum heartbeat interval for registered consumers.',
  }),
  'group.consumer.min.session.timeout.ms': int(45000, {
    valid: atLeast(1),
    effect: obeyed,
    documentation: 'The minimum allowed session timeout for registered consumers.',
  }),
  'group.consumer.regex.refresh.interval.ms': int(600_000, {
    valid: atLeast(10000),
    internal: true,
    effect: obeyed,
    documentation:
      'The interval at which the group coordinator will refresh the topics matching the group subscribed regexes.',
  }),
  'group.consumer.session.timeout.ms': int(45000, {
    valid: atLeast(1),
    effect: obeyed,
    documentation: 'The timeout to detect client failures when using the consumer group protocol.',
  }),
  'group.coordinator.append.linger.ms': int(-1, {
    valid: atLeast(-1),
    effect: notYet.internals,
    documentation:
      'The duration in milliseconds that the coordinator will wait for writes to accumulate before flushing them to disk.',
  }),
  'group.coordinator.background.threads': int(2, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: notYet.threads,
    documentation:
      'The number of threads used by the group coordinator for processing background tasks (e.g. updating regular expression subscriptions and offloaded assignments).',
  }),
  'group.coordinator.cached.buffer.max.bytes': int(1_048_588, {
    valid: atLeast(524_288),
    updateMode: 'cluster-wide',
    effect: notYet.internals,
    documentation: 'The maximum buffer size that the GroupCoordinator will retain for reuse.',
  }),
  'group.coordinator.rebalance.protocols': list(['classic', 'consumer', 'streams'], {
    valid: listOf(['consumer', 'classic', 'share', 'streams']),
    effect: obeyed,
    documentation: 'This configuration is deprecated and will be removed in Kafka 5.0.',
  }),
  'group.coordinator.threads': int(4, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: notYet.threads,
    documentation: 'The number of threads used by the group coordinator for processing requests.',
  }),
  'group.initial.rebalance.delay.ms': int(3000, {
    effect: obeyed,
    documentation:
      'The amount of time the group coordinator will wait for more consumers to join a new group before performing the first rebalance.',
  }),
  'group.max.session.timeout.ms': int(1_800_000, {
    effect: obeyed,
    documentation: 'The maximum allowed session timeout for registered consumers.',
  }),
  'group.max.size': int(maxInt, {
    valid: atLeast(1),
    effect: obeyed,
    documentation: 'The maximum number of consumers that a single consumer group can accommodate.',
  }),
  'group.min.session.timeout.ms': int(6000, {
    effect: obeyed,
    documentation: 'The minimum allowed session timeout for registered consumers.',
  }),
  'group.streams.assignment.interval.ms': int(1000, {
    valid: atLeast(0),
    updateMode: 'cluster-wide',
    effect: notYet.streamsGroups,
    documentation: 'The interval between assignment updates for a streams group.',
  }),
  'group.streams.heartbeat.interval.ms': int(5000, {
    valid: atLeast(1),
    effect: notYet.streamsGroups,
    documentation: 'The heartbeat interval given to the members.',
  }),
  'group.streams.initial.rebalance.delay.ms': int(3000, {
    valid: atLeast(0),
    effect: notYet.streamsGroups,
    documentation:
      'The amount of time the group coordinator will wait for more streams clients to join a new group before performing the first rebalance.',
  }),
  'group.streams.max.assignment.interval.ms': int(15000, {
    valid: atLeast(0),
    effect: notYet.streamsGroups,
    documentation: 'The maximum interval between assignment updates for a streams group.',
  }),
  'group.streams.max.heartbeat.interval.ms': int(15000, {
    valid: atLeast(1),
    effect: notYet.streamsGroups,
    documentation: 'The maximum allowed value for the group-level configuration of streams.heartbeat.interval.ms',
  }),
  'group.streams.max.session.timeout.ms': int(60000, {
    valid: atLeast(1),
    effect: notYet.streamsGroups,
    documentation: 'The maximum allowed value for the group-level configuration of streams.session.timeout.ms',
  }),
  'group.streams.max.size': int(maxInt, {
    valid: atLeast(1),
    effect: notYet.streamsGroups,
    documentation: 'The maximum number of streams clients that a single streams group can accommodate.',
  }),
  'group.streams.max.standby.replicas': int(2, {
    valid: atLeast(0),
    effect: notYet.streamsGroups,
    documentation: 'The maximum allowed value for the group-level configuration of streams.num.standby.replicas',
  }),
  'group.streams.min.assignment.interval.ms': int(0, {
    valid: atLeast(0),
    effect: notYet.streamsGroups,
    documentation: 'The minimum interval between assignment updates for a streams group.',
  }),
  'group.streams.min.heartbeat.interval.ms': int(5000, {
    valid: atLeast(1),
    effect: notYet.streamsGroups,
    documentation: 'The minimum allowed value for the group-level configuration of streams.heartbeat.interval.ms',
  }),
  'group.streams.min.session.timeout.ms': int(45000, {
    valid: atLeast(1),
    effect: notYet.streamsGroups,
    documentation: 'The minimum allowed value for the group-level configuration of streams.session.timeout.ms',
  }),
  'group.streams.num.standby.replicas': int(0, {
    valid: atLeast(0),
    effect: notYet.streamsGroups,
    documentation: 'The number of standby replicas for each task.',
  }),
  'group.streams.session.timeout.ms': int(45000, {
    valid: atLeast(1),
    effect: notYet.streamsGroups,
    documentation: 'The timeout to detect client failures when using the streams group protocol.',
  }),
  'offset.metadata.max.bytes': int(4096, {
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The maximum size for a metadata entry associated with an offset commit.',
  }),
  'offsets.commit.timeout.ms': int(5000, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: notYet.replication,
    documentation:
      'Offset commit will be delayed until all replicas for the offsets topic receive the commit or this timeout is reached.',
  }),
  'offsets.load.buffer.size': int(5_242_880, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: notYet.internals,
    documentation:
      'Batch size for reading from the offsets segments when loading group metadata into the cache (soft-limit, overridden if records are too large).',
  }),
  'offsets.retention.check.interval.ms': long(600_000, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'Frequency at which to check for stale offsets',
  }),
  'offsets.retention.minutes': int(10080, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: obeyed,
    documentation:
      'For subscribed consumers, committed offset of a specific partition will be expired and discarded when 1) this retention period has elapsed after the consumer group loses all its consumers (i.e. becomes empty); 2) this retention period has elapsed since the last time an offset is committed for the partition and the group is no longer subscribed to the corresponding topic.',
  }),
  'offsets.topic.compression.codec': int(0, {
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'Compression codec for the offsets topic - compression may be used to achieve "atomic" commits.',
  }),
  'offsets.topic.num.partitions': int(50, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The number of partitions for the offset commit topic (should not change after deployment).',
  }),
  'offsets.topic.replication.factor': short(1, {
    kafkaDefault: 3,
    valid: atLeast(1),
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The replication factor for the offsets topic (set higher to ensure availability).',
  }),
  'offsets.topic.segment.bytes': int(104_857_600, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: obeyed,
    documentation:
      'The offsets topic segment bytes should be kept relatively small in order to facilitate faster log compaction and cache loads.',
  }),
} as const
