/** config: every config of a topic, as Kafka 4.3.1 defines them, with the broker configs that give its default. */

import { boolean, double, int, list, long, maxLong, string } from './config-definition.ts'
import { notYet, obeyed } from './effects.ts'
import { atLeast, between, gzipLevel, listOf, oneOf, throttledReplicas } from './validators.ts'

export const topicConfigs = {
  'cleanup.policy': list(['delete'], {
    valid: listOf(['compact', 'delete'], 'may be empty'),
    brokerSynonyms: ['log.cleanup.policy'],
    effect: obeyed,
    documentation: 'This config designates the retention policy to use on log segments.',
  }),
  'compression.gzip.level': int(-1, {
    valid: gzipLevel,
    brokerSynonyms: ['compression.gzip.level'],
    effect: obeyed,
    documentation: 'The compression level to use if compression.type is set to gzip.',
  }),
  'compression.lz4.level': int(9, {
    valid: between(1, 17),
    brokerSynonyms: ['compression.lz4.level'],
    effect: notYet.lz4Levels,
    documentation: 'The compression level to use if compression.type is set to lz4.',
  }),
  'compression.type': string('producer', {
    valid: oneOf('uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'),
    brokerSynonyms: ['compression.type'],
    effect: obeyed,
    documentation: 'Specify the final compression type for a given topic.',
  }),
  'compression.zstd.level': int(3, {
    valid: between(-131_072, 22),
    brokerSynonyms: ['compression.zstd.level'],
    effect: obeyed,
    documentation: 'The compression level to use if compression.type is set to zstd.',
  }),
  'delete.retention.ms': long(86_400_000, {
    valid: atLeast(0),
    brokerSynonyms: ['log.cleaner.delete.retention.ms'],
    effect: obeyed,
    documentation: 'The amount of time to retain delete tombstone markers for log compacted topics.',
  }),
  'file.delete.delay.ms': long(60000, {
    valid: atLeast(0),
    brokerSynonyms: ['log.segment.delete.delay.ms'],
    effect: obeyed,
    documentation: 'The time to wait before deleting a file from the filesystem',
  }),
  'flush.messages': long(maxLong, {
    valid: atLeast(1),
    brokerSynonyms: ['log.flush.interval.messages'],
    effect: obeyed,
    documentation:
      'This setting allows specifying an interval at which we will force an fsync of data written to the log.',
  }),
  'flush.ms': long(maxLong, {
    valid: atLeast(0),
    brokerSynonyms: ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'],
    effect: obeyed,
    documentation:
      'This setting allows specifying a time interval at which we will force an fsync of data written to the log.',
  }),
  'follower.replication.throttled.replicas': list([], {
    valid: throttledReplicas,
    effect: notYet.replication,
    documentation: 'A list of replicas for which log replication should be throttled on the follower side.',
  }),
  'index.interval.bytes': int(4096, {
    valid: atLeast(0),
    brokerSynonyms: ['log.index.interval.bytes'],
    effect: obeyed,
    documentation:
      'This setting controls how frequently Kafka adds entries to its offset index and, conditionally, to its time index.',
  }),
  'internal.segment.bytes': int(null, {
    internal: true,
    effect: notYet.internals,
    documentation: 'The maximum size of a single log file.',
  }),
  'leader.replication.throttled.replicas': list([], {
    valid: throttledReplicas,
    effect: notYet.replication,
    documentation: 'A list of replicas for which log replication should be throttled on the leader side.',
  }),
  'local.retention.bytes': long(-2, {
    valid: atLeast(-2),
    brokerSynonyms: ['log.local.retention.bytes'],
    effect: notYet.tieredStorage,
    documentation:
      'The maximum size of local log segments that can grow for a partition before it deletes the old segments.',
  }),
  'local.retention.ms': long(-2, {
    valid: atLeast(-2),
    brokerSynonyms: ['log.local.retention.ms'],
    effect: notYet.tieredStorage,
    documentation: 'The number of milliseconds to keep the local log segment before it gets deleted.',
  }),
  'max.compaction.lag.ms': long(maxLong, {
    valid: atLeast(1),
    brokerSynonyms: ['log.cleaner.max.compaction.lag.ms'],
    effect: obeyed,
    documentation: 'The maximum time a message will remain ineligible for compaction in the log.',
  }),
  'max.message.bytes': int(1_048_588, {
    valid: atLeast(0),
    brokerSynonyms: ['message.max.bytes'],
    effect: obeyed,
    documentation: 'The largest record batch size allowed by Kafka (after compression if compression is enabled).',
  }),
  'message.timestamp.after.max.ms': long(3_600_000, {
    valid: atLeast(0),
    brokerSynonyms: ['log.message.timestamp.after.max.ms'],
    effect: obeyed,
    documentation:
      "This configuration sets the allowable timestamp difference between the message timestamp and the broker's timestamp.",
  }),
  'message.timestamp.before.max.ms': long(maxLong, {
    valid: atLeast(0),
    brokerSynonyms: ['log.message.timestamp.before.max.ms'],
    effect: obeyed,
    documentation:
      "This configuration sets the allowable timestamp difference between the broker's timestamp and the message timestamp.",
  }),
  'message.timestamp.type': string('CreateTime', {
    valid: oneOf('CreateTime', 'LogAppendTime'),
    brokerSynonyms: ['log.message.timestamp.type'],
    effect: obeyed,
    documentation: 'Define whether the timestamp in the message is message create time or log append time.',
  }),
  'min.cleanable.dirty.ratio': double(0.5, {
    valid: between(0, 1),
    brokerSynonyms: ['log.cleaner.min.cleanable.ratio'],
    effect: obeyed,
    documentation:
      'This configuration controls how frequently the log compactor will attempt to clean the log (assuming log compaction is enabled).',
  }),
  'min.compaction.lag.ms': long(0, {
    valid: atLeast(0),
    brokerSynonyms: ['log.cleaner.min.compaction.lag.ms'],
    effect: obeyed,
    documentation: 'The minimum time a message will remain uncompacted in the log.',
  }),
  'min.insync.replicas': int(1, {
    valid: atLeast(1),
    brokerSynonyms: ['min.insync.replicas'],
    effect: obeyed,
    documentation:
      'Specifies the minimum number of in-sync replicas (including the leader) required for a write to succeed when a producer sets acks to "all" (or "-1").',
  }),
  preallocate: boolean(false, {
    brokerSynonyms: ['log.preallocate'],
    effect: obeyed,
    documentation: 'True if we should preallocate the file on disk when creating a new log segment.',
  }),
  'remote.log.copy.disable': boolean(false, {
    effect: notYet.tieredStorage,
    documentation:
      'Determines whether tiered data for a topic should become read only, and no more data uploading on a topic.',
  }),
  'remote.log.delete.on.disable': boolean(false, {
    effect: notYet.tieredStorage,
    documentation:
      'Determines whether tiered data for a topic should be deleted after tiered storage is disabled on a topic.',
  }),
  'remote.storage.enable': boolean(false, {
    effect: notYet.tieredStorage,
    documentation: 'To enable tiered storage for a topic, set this configuration to true.',
  }),
  'retention.bytes': long(-1, {
    brokerSynonyms: ['log.retention.bytes'],
    effect: obeyed,
    documentation:
      'This configuration controls the maximum size a partition (which consists of log segments) can grow to before we will discard old log segments to free up space if we are using the "delete" retention policy.',
  }),
  'retention.ms': long(604_800_000, {
    valid: atLeast(-1),
    brokerSynonyms: ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'],
    effect: obeyed,
    documentation:
      'This configuration controls the maximum time we will retain a log before we will discard old log segments to free up space if we are using the "delete" retention policy.',
  }),
  'segment.bytes': int(1_073_741_824, {
    valid: atLeast(1_048_576),
    brokerSynonyms: ['log.segment.bytes'],
    effect: obeyed,
    documentation: 'This configuration controls the segment file size for the log.',
  }),
  'segment.index.bytes': int(10_485_760, {
    valid: atLeast(4),
    brokerSynonyms: ['log.index.size.max.bytes'],
    effect: obeyed,
    documentation: 'This configuration controls the size of the index that maps offsets to file positions.',
  }),
  'segment.jitter.ms': long(0, {
    valid: atLeast(0),
    brokerSynonyms: ['log.roll.jitter.ms', 'log.roll.jitter.hours'],
    effect: obeyed,
    documentation:
      'The maximum random jitter subtracted from the scheduled segment roll time to avoid thundering herds of segment rolling',
  }),
  'segment.ms': long(604_800_000, {
    valid: atLeast(1),
    brokerSynonyms: ['log.roll.ms', 'log.roll.hours'],
    effect: obeyed,
    documentation:
      "This configuration controls the period of time after which Kafka will force the log to roll even if the segment file isn't full to ensure that retention can delete or compact old data.",
  }),
  'unclean.leader.election.enable': boolean(false, {
    brokerSynonyms: ['unclean.leader.election.enable'],
    effect: obeyed,
    documentation:
      'Indicates whether to enable replicas not in the ISR set to be elected as leader as a last resort, even though doing so may result in data loss.Note: In KRaft mode, when enabling this config dynamically, it needs to wait for the unclean leader electionthread to trigger election periodically (default is 5 minutes).',
  }),
} as const
