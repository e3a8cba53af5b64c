/** metadata: opens `__cluster_metadata-0` in a log directory, with what the broker's config says of it. */
import type { BrokerConfig } from '../config/index.ts'
import { defaultLogConfig, type LogConfig } from '../log/log-config.ts'
import type { LogDirectory } from '../log/log-directory.ts'
import type { Clock } from '../runtime/clock.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import type { Logger } from '../runtime/logger.ts'
import { MetadataLog, type MetadataLogOptions, metadataTopic, metadataTopicId } from './metadata-log.ts'
import { Snapshots } from './snapshots.ts'

export interface OpenMetadataLogOptions {
  readonly directory: Pick<LogDirectory, 'path' | 'directoryId' | 'openPartition'>
  readonly config: BrokerConfig
  readonly files: FileSystem
  readonly clock: Clock
  readonly logger: Logger
  readonly nodeId: number
  readonly onFailure?: MetadataLogOptions['onFailure']
}

/** Nothing is replayed yet: see MetadataLog.load. */
export async function openMetadataLog(options: OpenMetadataLogOptions): Promise<MetadataLog> {
  const { directory, config, files, clock, logger, nodeId, onFailure } = options
  const snapshots = await Snapshots.open({
    path: `${directory.path}/${metadataTopic}-0`,
    files,
    clock,
    logger,
    deleteDelayMs: config.get('internal.metadata.delete.delay.millis'),
  })
  const logConfig = logConfigOf(config)
  const log = await directory.openPartition({
    topic: metadataTopic,
    partition: 0,
    topicId: metadataTopicId,
    config: logConfig,
    leastEndOffset: snapshots.newest?.endOffset ?? 0,
  })
  return new MetadataLog({
    log,
    snapshots,
    limits: {
      maxBatchBytes: Math.min(logConfig.maxMessageBytes, logConfig.segmentBytes),
      maxBytesBetweenSnapshots: config.get('metadata.log.max.record.bytes.between.snapshots'),
      maxSnapshotIntervalMs: config.get('metadata.log.max.snapshot.interval.ms'),
      maxRetentionBytes: config.get('metadata.max.retention.bytes'),
      maxRetentionMs: config.get('metadata.max.retention.ms'),
    },
    path: directory.path,
    files,
    clock,
    logger,
    nodeId,
    onFailure,
    minInsyncReplicas: config.get('min.insync.replicas'),
    directoryId: directory.directoryId,
    controllerEndpoint: { name: 'CONTROLLER', host: 'localhost', port: 9093 },
  })
}

/** Old segments go with old snapshots, not by age or size. */
function logConfigOf(config: BrokerConfig): LogConfig {
  return {
    ...defaultLogConfig,
    segmentBytes: config.get('internal.metadata.log.segment.bytes') ?? config.get('metadata.log.segment.bytes'),
    segmentMs: config.get('metadata.log.segment.ms'),
    maxMessageBytes: config.get('internal.metadata.max.batch.size.in.bytes'),
    deletes: false,
  }
}
