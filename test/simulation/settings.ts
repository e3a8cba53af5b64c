/** Configs and limits by chance, small enough that a few dozen batches meet rolls, evictions and intervals. */
import { defaultLogConfig, type LogConfig } from '../../src/log/log-config.ts'
import type { LogLimits } from '../../src/log/log-storage.ts'
import type { Chance } from './chance.ts'

export function randomConfig(chance: Chance): LogConfig {
  return {
    ...defaultLogConfig,
    segmentBytes: chance.pick([1200, 1200, 2000, 4000, 1_000_000]),
    segmentMs: chance.pick([defaultLogConfig.segmentMs, defaultLogConfig.segmentMs, 20_000]),
    segmentJitterMs: chance.pick([0, 0, 5000]),
    segmentIndexBytes: chance.pick([10_485_760, 10_485_760, 36]),
    indexIntervalBytes: chance.pick([0, 1, 200, 500, 4096]),
    compressionType: chance.happens(0.9) ? 'producer' : chance.pick(['uncompressed', 'gzip', 'lz4', 'snappy', 'zstd']),
    messageTimestampType: chance.happens(0.9) ? 'CreateTime' : 'LogAppendTime',
    compacted: chance.happens(0.35),
    minCleanableDirtyRatio: chance.pick([0, 0.5]),
    minCompactionLagMs: chance.pick([0, 0, 10_000]),
    deleteRetentionMs: chance.pick([0, 60_000, 86_400_000]),
    deletes: chance.happens(0.7),
    retentionMs: chance.pick([-1, -1, 30_000, 600_000]),
    retentionBytes: chance.pick([-1, -1, 0, 2500]),
    fileDeleteDelayMs: chance.pick([0, 1000, 60_000]),
    flushMessages: chance.pick([1, 1, 5, defaultLogConfig.flushMessages, defaultLogConfig.flushMessages]),
    flushMs: chance.pick([1000, defaultLogConfig.flushMs]),
    preallocate: chance.happens(0.15),
  }
}

export function randomLimits(chance: Chance): Partial<LogLimits> {
  return {
    maxOpenFiles: chance.pick([1, 2, 2048]),
    maxIndexBytes: chance.pick([0, 100, 1_000_000]),
    tailCacheBytes: chance.pick([0, 1000, 1_000_000]),
    producerIdExpirationMs: Number.MAX_SAFE_INTEGER,
    initialTaskDelayMs: chance.pick([1000, 30_000]),
    retentionCheckIntervalMs: chance.pick([5000, 300_000]),
    flushSchedulerIntervalMs: chance.pick([1000, 2 ** 63]),
    recoveryPointCheckpointIntervalMs: chance.pick([1000, 60_000]),
    logStartOffsetCheckpointIntervalMs: chance.pick([1000, 60_000]),
  }
}
