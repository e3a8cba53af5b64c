/** config: broker configs of the partition logs; most are the defaults of a topic config. */

import { boolean, double, int, list, long, maxLong, string } from '../config-definition.ts'
import { notYet, obeyed } from '../effects.ts'
import { anyList, atLeast, between, gzipLevel, listOf, nonEmptyList, oneOf } from '../validators.ts'

export const logConfigs = {
  'compression.gzip.level': int(-1, {
    valid: gzipLevel,
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: "The compression level to use if compression.type is set to 'gzip'.",
  }),
  'compression.lz4.level': int(9, {
    valid: between(1, 17),
    updateMode: 'cluster-wide',
    effect: notYet.lz4Levels,
    documentation: "The compression level to use if compression.type is set to 'lz4'.",
  }),
  'compression.type': string('producer', {
    valid: oneOf('uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'),
    importance: 'HIGH',
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'Specify the final compression type for a given topic.',
  }),
  'compression.zstd.level': int(3, {
    valid: between(-131_072, 22),
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: "The compression level to use if compression.type is set to 'zstd'.",
  }),
  'cordoned.log.dirs': list([], {
    valid: anyList,
    updateMode: 'per-broker',
    effect: obeyed,
    documentation: 'A comma-separated list of the directories that are cordoned.',
  }),
  'log.cleaner.backoff.ms': long(15000, {
    valid: atLeast(0),
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The amount of time to sleep when there are no logs to clean',
  }),
  'log.cleaner.dedupe.buffer.size': long(134_217_728, {
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The total memory used for log deduplication across all cleaner threads',
  }),
  'log.cleaner.delete.retention.ms': long(86_400_000, {
    valid: atLeast(0),
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The amount of time to retain tombstone message markers for log compacted topics.',
  }),
  'log.cleaner.enable': boolean(true, {
    effect: obeyed,
    documentation: 'This configuration has been deprecated and will be removed in Kafka 5.0.',
  }),
  'log.cleaner.io.buffer.load.factor': double(0.9, {
    updateMode: 'cluster-wide',
    effect: notYet.internals,
    documentation: 'Log cleaner dedupe buffer load factor.',
  }),
  'log.cleaner.io.buffer.size': int(524_288, {
    valid: atLeast(0),
    updateMode: 'cluster-wide',
    effect: notYet.internals,
    documentation: 'The total memory used for log cleaner I/O buffers across all cleaner threads',
  }),
  'log.cleaner.io.max.bytes.per.second': double(Number.MAX_VALUE, {
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation:
      'The log cleaner will be throttled so that the sum of its read and write i/o will be less than this value on average',
  }),
  'log.cleaner.max.compaction.lag.ms': long(maxLong, {
    valid: atLeast(1),
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The maximum time a message will remain ineligible for compaction in the log.',
  }),
  'log.cleaner.min.cleanable.ratio': double(0.5, {
    valid: between(0, 1),
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The minimum ratio of dirty log to total log for a log to eligible for cleaning.',
  }),
  'log.cleaner.min.compaction.lag.ms': long(0, {
    valid: atLeast(0),
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The minimum time a message will remain uncompacted in the log.',
  }),
  'log.cleaner.threads': int(1, {
    valid: atLeast(0),
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The number of background threads to use for log cleaning',
  }),
  'log.cleanup.policy': list(['delete'], {
    valid: listOf(['compact', 'delete'], 'may be empty'),
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'This config designates the retention policy to use on log segments.',
  }),
  'log.dir': list(['./odradek-data'], {
    kafkaDefault: ['/tmp/kafka-logs'],
    valid: nonEmptyList,
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'A comma-separated list of the directories where the log data is stored.',
  }),
  'log.dir.failure.timeout.ms': long(30000, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: obeyed,
    documentation:
      'If the broker is unable to successfully communicate to the controller that some log directory has failed for longer than this time, the broker will fail and shut down.',
  }),
  'log.dirs': list(null, {
    valid: nonEmptyList,
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'A comma-separated list of the directories where the log data is stored.',
  }),
  'log.flush.interval.messages': long(maxLong, {
    valid: atLeast(1),
    importance: 'HIGH',
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The number of messages accumulated on a log partition before messages are flushed to disk.',
  }),
  'log.flush.interval.ms': long(null, {
    importance: 'HIGH',
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The maximum time in ms that a message in any topic is kept in memory before flushed to disk.',
  }),
  'log.flush.offset.checkpoint.interval.ms': int(60000, {
    valid: atLeast(0),
    importance: 'HIGH',
    effect: obeyed,
    documentation:
      'The frequency with which we update the persistent record of the last flush which acts as the log recovery point.',
  }),
  'log.flush.scheduler.interval.ms': long(maxLong, {
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The frequency in ms that the log flusher checks whether any log needs to be flushed to disk',
  }),
  'log.flush.start.offset.checkpoint.interval.ms': int(60000, {
    valid: atLeast(0),
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The frequency with which we update the persistent record of log start offset',
  }),
  'log.index.interval.bytes': int(4096, {
    valid: atLeast(0),
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The interval with which we add an entry to the offset index.',
  }),
  'log.index.size.max.bytes': int(10_485_760, {
    valid: atLeast(4),
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The maximum size in bytes of the offset index',
  }),
  'log.initial.task.delay.ms': long(30000, {
    valid: atLeast(0),
    importance: 'LOW',
    internal: true,
    effect: obeyed,
    documentation: 'The initial task delay in millisecond when initializing tasks in LogManager.',
  }),
  'log.message.timestamp.after.max.ms': long(3_600_000, {
    valid: atLeast(0),
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation:
      "This configuration sets the allowable timestamp difference between the message timestamp and the broker's timestamp.",
  }),
  'log.message.timestamp.before.max.ms': long(maxLong, {
    valid: atLeast(0),
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation:
      "This configuration sets the allowable timestamp difference between the broker's timestamp and the message timestamp.",
  }),
  'log.message.timestamp.type': string('CreateTime', {
    valid: oneOf('CreateTime', 'LogAppendTime'),
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'Define whether the timestamp in the message is message create time or log append time.',
  }),
  'log.preallocate': boolean(false, {
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation:
      'Should pre allocate file when create new segment? If you are using Kafka on Windows, you probably need to set it to true.',
  }),
  'log.retention.bytes': long(-1, {
    importance: 'HIGH',
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The maximum size of the log before deleting it',
  }),
  'log.retention.check.interval.ms': long(300_000, {
    valid: atLeast(1),
    effect: obeyed,
    documentation: 'The frequency in milliseconds that the log cleaner checks whether any log is eligible for deletion',
  }),
  'log.retention.hours': int(168, {
    importance: 'HIGH',
    effect: obeyed,
    documentation:
      'The number of hours to keep a log file before deleting it (in hours), tertiary to log.retention.ms property',
  }),
  'log.retention.minutes': int(null, {
    importance: 'HIGH',
    effect: obeyed,
    documentation:
      'The number of minutes to keep a log file before deleting it (in minutes), secondary to log.retention.ms property.',
  }),
  'log.retention.ms': long(null, {
    importance: 'HIGH',
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation:
      'The number of milliseconds to keep a log file before deleting it (in milliseconds), If not set, the value in log.retention.minutes is used.',
  }),
  'log.roll.hours': int(168, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: obeyed,
    documentation:
      'The maximum time before a new log segment is rolled out (in hours), secondary to log.roll.ms property',
  }),
  'log.roll.jitter.hours': int(0, {
    valid: atLeast(0),
    importance: 'HIGH',
    effect: obeyed,
    documentation:
      'The maximum jitter to subtract from logRollTimeMillis (in hours), secondary to log.roll.jitter.ms property',
  }),
  'log.roll.jitter.ms': long(null, {
    importance: 'HIGH',
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The maximum jitter to subtract from logRollTimeMillis (in milliseconds).',
  }),
  'log.roll.ms': long(null, {
    importance: 'HIGH',
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The maximum time before a new log segment is rolled out (in milliseconds).',
  }),
  'log.segment.bytes': int(1_073_741_824, {
    valid: atLeast(1_048_576),
    importance: 'HIGH',
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The maximum size of a single log file',
  }),
  'log.segment.delete.delay.ms': long(60000, {
    valid: atLeast(0),
    importance: 'HIGH',
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The amount of time to wait before deleting a file from the filesystem.',
  }),
  'message.max.bytes': int(1_048_588, {
    valid: atLeast(0),
    importance: 'HIGH',
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation:
      'The largest record batch size allowed by Kafka (after compression if compression is enabled).This can be set per topic with the topic level max.message.bytes config.',
  }),
  'num.recovery.threads.per.data.dir': int(2, {
    valid: atLeast(1),
    importance: 'HIGH',
    updateMode: 'cluster-wide',
    effect: notYet.threads,
    documentation:
      'The number of threads per data directory to be used for log recovery at startup and flushing at shutdown',
  }),
} as const
