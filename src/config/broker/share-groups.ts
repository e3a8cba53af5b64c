/** config: broker configs of share groups (KIP-932). */

import { int, list, short, string } from '../config-definition.ts'
import { notYet } from '../effects.ts'
import { atLeast, between, nonEmptyList } from '../validators.ts'

export const shareGroupConfigs = {
  'group.share.assignment.interval.ms': int(1000, {
    valid: atLeast(0),
    updateMode: 'cluster-wide',
    effect: notYet.shareGroups,
    documentation: 'The interval between assignment updates for a share group.',
  }),
  'group.share.assignors': list(['simple'], {
    valid: nonEmptyList,
    effect: notYet.shareGroups,
    documentation:
      'The server-side assignors as a list of either names for built-in assignors or full class names for custom assignors.',
  }),
  'group.share.delivery.count.limit': int(5, {
    valid: between(2, 10),
    effect: notYet.shareGroups,
    documentation: 'The maximum number of delivery attempts for a record delivered to a share group.',
  }),
  'group.share.heartbeat.interval.ms': int(5000, {
    valid: atLeast(1),
    effect: notYet.shareGroups,
    documentation: 'The heartbeat interval given to the members of a share group.',
  }),
  'group.share.initialize.retry.interval.ms': int(30000, {
    valid: atLeast(1),
    importance: 'LOW',
    internal: true,
    effect: notYet.shareGroups,
    documentation: 'Time elapsed before retrying initialize share group state request.',
  }),
  'group.share.max.assignment.interval.ms': int(15000, {
    valid: atLeast(0),
    effect: notYet.shareGroups,
    documentation: 'The maximum interval between assignment updates for a share group.',
  }),
  'group.share.max.delivery.count.limit': int(10, {
    valid: between(5, 25),
    effect: notYet.shareGroups,
    documentation:
      'The maximum value of a group configuration for the maximum number of delivery attempts for a record delivered to a share group.',
  }),
  'group.share.max.heartbeat.interval.ms': int(15000, {
    valid: atLeast(1),
    effect: notYet.shareGroups,
    documentation: 'The maximum heartbeat interval for share group members.',
  }),
  'group.share.max.partition.max.record.locks': int(4000, {
    valid: between(2000, 10000),
    effect: notYet.shareGroups,
    documentation: 'The maximum value of a group configuration for the record lock limit per share-partition.',
  }),
  'group.share.max.record.lock.duration.ms': int(60000, {
    valid: between(30000, 3_600_000),
    effect: notYet.shareGroups,
    documentation: 'The maximum value of a group configuration for record acquisition lock duration in milliseconds.',
  }),
  'group.share.max.session.timeout.ms': int(60000, {
    valid: atLeast(1),
    effect: notYet.shareGroups,
    documentation: 'The maximum allowed session timeout for share group members.',
  }),
  'group.share.max.share.sessions': int(2000, {
    valid: atLeast(1),
    effect: notYet.shareGroups,
    documentation: 'The maximum number of share sessions per broker.',
  }),
  'group.share.max.size': int(200, {
    valid: between(1, 1000),
    effect: notYet.shareGroups,
    documentation: 'The maximum number of members that a single share group can accommodate.',
  }),
  'group.share.min.assignment.interval.ms': int(0, {
    valid: atLeast(0),
    effect: notYet.shareGroups,
    documentation: 'The minimum interval between assignment updates for a share group.',
  }),
  'group.share.min.delivery.count.limit': int(2, {
    valid: between(2, 5),
    effect: notYet.shareGroups,
    documentation:
      'The minimum value of a group configuration for the maximum number of delivery attempts for a record delivered to a share group.',
  }),
  'group.share.min.heartbeat.interval.ms': int(5000, {
    valid: atLeast(1),
    effect: notYet.shareGroups,
    documentation: 'The minimum heartbeat interval for share group members.',
  }),
  'group.share.min.partition.max.record.locks': int(100, {
    valid: between(100, 2000),
    effect: notYet.shareGroups,
    documentation: 'The minimum value of a group configuration for the record lock limit per share-partition.',
  }),
  'group.share.min.record.lock.duration.ms': int(15000, {
    valid: between(1000, 30000),
    effect: notYet.shareGroups,
    documentation: 'The minimum value of a group configuration for record acquisition lock duration in milliseconds.',
  }),
  'group.share.min.session.timeout.ms': int(45000, {
    valid: atLeast(1),
    effect: notYet.shareGroups,
    documentation: 'The minimum allowed session timeout for share group members.',
  }),
  'group.share.partition.max.record.locks': int(2000, {
    valid: between(100, 10000),
    effect: notYet.shareGroups,
    documentation: 'Share-group record lock limit per share-partition.',
  }),
  'group.share.persister.class.name': string('org.apache.kafka.server.share.persister.DefaultStatePersister', {
    internal: true,
    effect: notYet.shareGroups,
    documentation:
      'The fully qualified name of a class which implements the org.apache.kafka.server.share.Persister interface.',
  }),
  'group.share.record.lock.duration.ms': int(30000, {
    valid: between(1000, 3_600_000),
    effect: notYet.shareGroups,
    documentation: 'The record acquisition lock duration in milliseconds for share groups.',
  }),
  'group.share.session.timeout.ms': int(45000, {
    valid: atLeast(1),
    effect: notYet.shareGroups,
    documentation: 'The timeout to detect client failures when using the share group protocol.',
  }),
  'share.coordinator.append.linger.ms': int(-1, {
    valid: atLeast(-1),
    effect: notYet.shareGroups,
    documentation:
      'The duration in milliseconds that the share coordinator will wait for writes to accumulate before flushing them to disk.',
  }),
  'share.coordinator.cached.buffer.max.bytes': int(1_048_588, {
    valid: atLeast(524_288),
    updateMode: 'cluster-wide',
    effect: notYet.shareGroups,
    documentation: 'The maximum buffer size that the ShareCoordinator will retain for reuse.',
  }),
  'share.coordinator.cold.partition.snapshot.interval.ms': int(300_000, {
    valid: atLeast(1),
    importance: 'LOW',
    internal: true,
    effect: notYet.shareGroups,
    documentation:
      'The duration in milliseconds that the share coordinator will wait between force snapshotting share partitions which are not being updated.',
  }),
  'share.coordinator.load.buffer.size': int(5_242_880, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: notYet.shareGroups,
    documentation:
      'Batch size for reading from the share-group state topic when loading state information into the cache (soft-limit, overridden if records are too large).',
  }),
  'share.coordinator.snapshot.update.records.per.snapshot': int(500, {
    valid: between(0, 500),
    effect: notYet.shareGroups,
    documentation: 'The number of update records the share coordinator writes between snapshot records.',
  }),
  'share.coordinator.state.topic.compression.codec': int(0, {
    importance: 'HIGH',
    effect: notYet.shareGroups,
    documentation: 'Compression codec for the share-group state topic.',
  }),
  'share.coordinator.state.topic.min.isr': short(1, {
    kafkaDefault: 2,
    valid: atLeast(1),
    importance: 'HIGH',
    effect: notYet.shareGroups,
    documentation: 'Overridden min.insync.replicas for the share-group state topic.',
  }),
  'share.coordinator.state.topic.num.partitions': int(50, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: notYet.shareGroups,
    documentation: 'The number of partitions for the share-group state topic (should not change after deployment).',
  }),
  'share.coordinator.state.topic.prune.interval.ms': int(300_000, {
    valid: atLeast(1),
    importance: 'LOW',
    internal: true,
    effect: notYet.shareGroups,
    documentation:
      'The duration in milliseconds that the share coordinator will wait between pruning eligible records in share-group state topic.',
  }),
  'share.coordinator.state.topic.replication.factor': short(1, {
    kafkaDefault: 3,
    valid: atLeast(1),
    importance: 'HIGH',
    effect: notYet.shareGroups,
    documentation: 'Replication factor for the share-group state topic.',
  }),
  'share.coordinator.state.topic.segment.bytes': int(104_857_600, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: notYet.shareGroups,
    documentation: 'The log segment size for the share-group state topic.',
  }),
  'share.coordinator.threads': int(1, {
    valid: atLeast(1),
    effect: notYet.shareGroups,
    documentation: 'The number of threads used by the share coordinator.',
  }),
  'share.coordinator.write.timeout.ms': int(5000, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: notYet.shareGroups,
    documentation:
      'The duration in milliseconds that the share coordinator will wait for all replicas of the share-group state topic to receive a write.',
  }),
  'share.fetch.purgatory.purge.interval.requests': int(1000, {
    effect: notYet.shareGroups,
    documentation: 'The purge interval (in number of requests) of the share fetch request purgatory',
  }),
} as const
