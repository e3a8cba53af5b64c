/** config: every config of a group (resource type 32), as Kafka 4.3.1 defines them. */

import { boolean, int, string } from './config-definition.ts'
import { notYet, obeyed } from './effects.ts'
import { atLeast, oneOf, shareAutoOffsetReset } from './validators.ts'

export const groupConfigs = {
  'consumer.assignment.interval.ms': int(1000, {
    valid: atLeast(0),
    brokerSynonyms: ['group.consumer.assignment.interval.ms'],
    effect: obeyed,
    documentation: 'The interval between assignment updates for a consumer group.',
  }),
  'consumer.heartbeat.interval.ms': int(5000, {
    valid: atLeast(1),
    brokerSynonyms: ['group.consumer.heartbeat.interval.ms'],
    effect: obeyed,
    documentation: 'The heartbeat interval given to the members of a consumer group.',
  }),
  'consumer.session.timeout.ms': int(45000, {
    valid: atLeast(1),
    brokerSynonyms: ['group.consumer.session.timeout.ms'],
    effect: obeyed,
    documentation: 'The timeout to detect client failures when using the consumer group protocol.',
  }),
  'share.assignment.interval.ms': int(1000, {
    valid: atLeast(0),
    brokerSynonyms: ['group.share.assignment.interval.ms'],
    effect: notYet.shareGroups,
    documentation: 'The interval between assignment updates for a share group.',
  }),
  'share.auto.offset.reset': string('latest', {
    valid: shareAutoOffsetReset,
    effect: notYet.shareGroups,
    documentation: 'The strategy to initialize the share-partition start offset.',
  }),
  'share.delivery.count.limit': int(5, {
    valid: atLeast(2),
    brokerSynonyms: ['group.share.delivery.count.limit'],
    effect: notYet.shareGroups,
    documentation: 'The maximum number of delivery attempts for a record delivered to a share group.',
  }),
  'share.heartbeat.interval.ms': int(5000, {
    valid: atLeast(1),
    brokerSynonyms: ['group.share.heartbeat.interval.ms'],
    effect: notYet.shareGroups,
    documentation: 'The heartbeat interval given to the members of a share group.',
  }),
  'share.isolation.level': string('read_uncommitted', {
    valid: oneOf('read_committed', 'read_uncommitted'),
    effect: notYet.shareGroups,
    documentation: 'Controls how to read records written transactionally.',
  }),
  'share.partition.max.record.locks': int(2000, {
    valid: atLeast(100),
    brokerSynonyms: ['group.share.partition.max.record.locks'],
    effect: notYet.shareGroups,
    documentation: 'Share-group record lock limit per share-partition.',
  }),
  'share.record.lock.duration.ms': int(30000, {
    valid: atLeast(1000),
    brokerSynonyms: ['group.share.record.lock.duration.ms'],
    effect: notYet.shareGroups,
    documentation: 'The record acquisition lock duration in milliseconds for share groups.',
  }),
  'share.renew.acknowledge.enable': boolean(true, {
    effect: notYet.shareGroups,
    documentation: 'Whether the renew acknowledge type is enabled for the share group.',
  }),
  'share.session.timeout.ms': int(45000, {
    valid: atLeast(1),
    brokerSynonyms: ['group.share.session.timeout.ms'],
    effect: notYet.shareGroups,
    documentation: 'The timeout to detect client failures when using the share group protocol.',
  }),
  'streams.assignment.interval.ms': int(1000, {
    valid: atLeast(0),
    brokerSynonyms: ['group.streams.assignment.interval.ms'],
    effect: notYet.streamsGroups,
    documentation: 'The interval between assignment updates for a streams group.',
  }),
  'streams.heartbeat.interval.ms': int(5000, {
    valid: atLeast(1),
    brokerSynonyms: ['group.streams.heartbeat.interval.ms'],
    effect: notYet.streamsGroups,
    documentation: 'The heartbeat interval given to the members.',
  }),
  'streams.initial.rebalance.delay.ms': int(3000, {
    valid: atLeast(0),
    brokerSynonyms: ['group.streams.initial.rebalance.delay.ms'],
    effect: notYet.streamsGroups,
    documentation:
      'The amount of time the group coordinator will wait for more streams clients to join a new group before performing the first rebalance.',
  }),
  'streams.num.standby.replicas': int(0, {
    valid: atLeast(0),
    brokerSynonyms: ['group.streams.num.standby.replicas'],
    effect: notYet.streamsGroups,
    documentation: 'The number of standby replicas for each task.',
  }),
  'streams.session.timeout.ms': int(45000, {
    valid: atLeast(1),
    brokerSynonyms: ['group.streams.session.timeout.ms'],
    effect: notYet.streamsGroups,
    documentation: 'The timeout to detect client failures when using the streams group protocol.',
  }),
} as const
