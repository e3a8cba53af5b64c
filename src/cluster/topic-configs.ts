/** cluster: what a topic's configs mean for its partitions: the topic's own over those that the broker's config gives. */
import { KafkaError } from '../../protocol/errors.ts'
import {
  type BrokerConfig,
  ConfigError,
  TopicConfig,
  type TopicConfigName,
  validateTopicConfigs,
} from '../config/index.ts'
import type { LogConfig } from '../log/log-config.ts'

/** @throws KafkaError INVALID_CONFIG */
export function requireValidTopicConfigs(
  config: BrokerConfig,
  configs: readonly { readonly name: string; readonly value: string | null }[],
): Map<string, string> {
  try {
    return validateTopicConfigs(config, configs)
  } catch (error) {
    if (error instanceof ConfigError) throw new KafkaError('INVALID_CONFIG', error.message)
    throw error
  }
}

/** `onInvalid` hears of a stored value that can't be used: it is left out, so that its topic can still be served. */
export function topicConfigOf(
  config: BrokerConfig,
  overrides: ReadonlyMap<string, string>,
  onInvalid: (problem: string) => void,
): TopicConfig {
  const usable = new Map<string, string>()
  for (const [name, value] of overrides) {
    try {
      new TopicConfig(config, new Map([[name, value]])).text(name as TopicConfigName)
      usable.set(name, value)
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof TypeError)) throw error
      onInvalid(error.message)
    }
  }
  return new TopicConfig(config, usable)
}

export function logConfigOf(topic: TopicConfig): LogConfig {
  const compacted = topic.get('cleanup.policy').includes('compact')
  const maxCompactionLagMs = topic.get('max.compaction.lag.ms')
  return {
    segmentBytes: topic.get('segment.bytes'),
    // The active segment is not compacted: it must not be older than what has to be.
    segmentMs: compacted ? Math.min(topic.get('segment.ms'), maxCompactionLagMs) : topic.get('segment.ms'),
    segmentJitterMs: topic.get('segment.jitter.ms'),
    segmentIndexBytes: topic.get('segment.index.bytes'),
    indexIntervalBytes: topic.get('index.interval.bytes'),
    preallocate: topic.get('preallocate'),
    maxMessageBytes: topic.get('max.message.bytes'),
    compressionType: topic.get('compression.type') as LogConfig['compressionType'],
    compressionGzipLevel: topic.get('compression.gzip.level'),
    compressionLz4Level: topic.get('compression.lz4.level'),
    compressionZstdLevel: topic.get('compression.zstd.level'),
    messageTimestampType: topic.get('message.timestamp.type') as LogConfig['messageTimestampType'],
    messageTimestampBeforeMaxMs: topic.get('message.timestamp.before.max.ms'),
    messageTimestampAfterMaxMs: topic.get('message.timestamp.after.max.ms'),
    compacted,
    minCleanableDirtyRatio: topic.get('min.cleanable.dirty.ratio'),
    minCompactionLagMs: topic.get('min.compaction.lag.ms'),
    maxCompactionLagMs,
    deleteRetentionMs: topic.get('delete.retention.ms'),
    deletes: topic.get('cleanup.policy').includes('delete'),
    retentionMs: topic.get('retention.ms'),
    retentionBytes: topic.get('retention.bytes'),
    fileDeleteDelayMs: topic.get('file.delete.delay.ms'),
    flushMessages: topic.get('flush.messages'),
    flushMs: topic.get('flush.ms'),
  }
}
