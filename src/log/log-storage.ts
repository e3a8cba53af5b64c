/** log: what the partitions of one log directory share: files, time, limits, and its failure. */
import { KafkaError } from '../../protocol/errors.ts'
import type { Clock } from '../runtime/clock.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import { type CleanerLimits, defaultCleanerLimits } from './compaction/log-cleaner.ts'
import { DelayedRemovals } from './delayed-removals.ts'
import { OpenFiles } from './open-files.ts'
import { TailCache } from './tail-cache.ts'
import { WriteScheduler } from './write-scheduler.ts'

export interface LogLimits {
  /** Segment files that are open at a time, those in use and those kept for the next use. */
  readonly maxOpenFiles: number
  /** Memory for the indexes of older segments. */
  readonly maxIndexBytes: number
  /** Memory for the bytes last written. */
  readonly tailCacheBytes: number
  /** A partition's producers are written down once so many bytes were flushed since: what a start after a crash reads for them alone. */
  readonly producerSnapshotIntervalBytes: number
  /** producer.id.expiration.ms */
  readonly producerIdExpirationMs: number
  /** producer.id.expiration.check.interval.ms */
  readonly producerIdExpirationCheckIntervalMs: number
  /** transaction.partition.verification.enable */
  readonly verifiesTransactions: boolean
  /** log.initial.task.delay.ms */
  readonly initialTaskDelayMs: number
  /** log.retention.check.interval.ms */
  readonly retentionCheckIntervalMs: number
  /** log.flush.scheduler.interval.ms */
  readonly flushSchedulerIntervalMs: number
  /** log.flush.offset.checkpoint.interval.ms */
  readonly recoveryPointCheckpointIntervalMs: number
  /** log.flush.start.offset.checkpoint.interval.ms */
  readonly logStartOffsetCheckpointIntervalMs: number
  /** replica.high.watermark.checkpoint.interval.ms */
  readonly highWatermarkCheckpointIntervalMs: number
  readonly cleaner: CleanerLimits
}

export const defaultLogLimits: LogLimits = {
  maxOpenFiles: 2048,
  maxIndexBytes: 32 * 1024 * 1024,
  tailCacheBytes: 16 * 1024 * 1024,
  producerSnapshotIntervalBytes: 4 * 1024 * 1024,
  producerIdExpirationMs: 86_400_000,
  producerIdExpirationCheckIntervalMs: 600_000,
  verifiesTransactions: true,
  initialTaskDelayMs: 30_000,
  retentionCheckIntervalMs: 300_000,
  flushSchedulerIntervalMs: 2 ** 63,
  recoveryPointCheckpointIntervalMs: 60_000,
  logStartOffsetCheckpointIntervalMs: 60_000,
  highWatermarkCheckpointIntervalMs: 5000,
  cleaner: defaultCleanerLimits,
}

export class LogStorage {
  readonly files: FileSystem
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly limits: LogLimits
  /** producer.id.expiration.ms, which may change while the broker runs. */
  producerIdExpirationMs: number
  /** transaction.partition.verification.enable, which may change too. */
  verifiesTransactions: boolean
  readonly openFiles: OpenFiles
  readonly tailCache: TailCache
  readonly scheduler = new WriteScheduler()
  readonly removals: DelayedRemovals
  /** Set by the first failed fsync: what is on disk is unknown from then on, so nothing may be acknowledged any more. */
  failure: KafkaError | undefined
  /** A log has ended, by a failure or because it was closed, or all have failed: while none has, nobody needs to ask each of them. */
  hasEndedLogs = false
  /** Hears of the failure. */
  onFailure: (failure: KafkaError) => void = () => {}
  #rootSync: Promise<void> = Promise.resolve()
  #nextRootSync: Promise<void> | undefined

  constructor(
    parts: { files: FileSystem; clock: Clock; random: Random; logger: Logger },
    limits: LogLimits = defaultLogLimits,
  ) {
    this.files = parts.files
    this.clock = parts.clock
    this.random = parts.random
    this.logger = parts.logger
    this.limits = limits
    this.producerIdExpirationMs = limits.producerIdExpirationMs
    this.verifiesTransactions = limits.verifiesTransactions
    this.openFiles = new OpenFiles(parts.files, limits.maxOpenFiles, limits.maxIndexBytes)
    this.removals = new DelayedRemovals(parts)
    this.tailCache = new TailCache(limits.tailCacheBytes)
  }

  /** Syncs the log directory itself, `path`: once for all that ask while an earlier sync is under way. */
  syncRoot(path: string): Promise<void> {
    if (this.#nextRootSync === undefined) {
      const sync = this.#rootSync.then(() => {
        this.#nextRootSync = undefined
        return this.files.syncDirectory(path)
      })
      this.#nextRootSync = sync
      this.#rootSync = sync.catch(() => {})
    }
    return this.#nextRootSync
  }

  /** An fsync has failed: the whole directory is given up. */
  fail(path: string, error: unknown): KafkaError {
    if (this.failure === undefined) {
      this.failure = storageError(path, error)
      this.hasEndedLogs = true
      this.logger.error({ path, error }, 'a sync to disk failed: the log directory takes no more writes')
      this.onFailure(this.failure)
    }
    return this.failure
  }
}

export function storageError(path: string, cause: unknown): KafkaError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new KafkaError('KAFKA_STORAGE_ERROR', `${path} is offline: ${reason}`)
}
