/** One partition of a run: its log, the model of it, and what the checks have seen. */
import type { LocalPartitionLog } from '../../src/log/local-partition-log.ts'
import type { LogConfig } from '../../src/log/log-config.ts'
import type { Chance } from './chance.ts'
import { PartitionModel } from './partition-model.ts'
import { Producers } from './workload.ts'

export class SimulatedPartition {
  readonly topic: string
  readonly partition: number
  readonly model = new PartitionModel()
  readonly producers: Producers
  config: LogConfig
  log!: LocalPartitionLog
  leaderEpoch = -1
  /** How many times it was opened. */
  openings = 0
  /** It is being opened, or closed for that. */
  isOpening = false
  /** An append or an opening has failed: nothing goes until it is opened again. */
  isOffline = false
  /** A truncation was cut off by a death: what it has removed may come back until the names are synced. */
  isTruncating = false
  /** flush.messages was 1 for all of this life. */
  isAlwaysDurable = false
  /** The loosest retention that was in force since the log start was last looked at. */
  retention: { ms: number; bytes: number } = { ms: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY }
  leastDeleteRetentionMs = Number.POSITIVE_INFINITY
  /** Producers that were known in this life: they stay known in it. */
  readonly seenProducers = new Set<bigint>()
  seenLogStartOffset = 0
  seenRecoveryPoint = 0

  constructor(topic: string, partition: number, config: LogConfig, chance: Chance) {
    this.topic = topic
    this.partition = partition
    this.config = config
    this.producers = new Producers(chance)
  }

  get name(): string {
    return `${this.topic}-${this.partition}`
  }

  /** What retention is allowed to delete from now on. */
  noteRetention(): void {
    const { deletes, retentionMs, retentionBytes, deleteRetentionMs } = this.config
    this.leastDeleteRetentionMs = Math.min(this.leastDeleteRetentionMs, deleteRetentionMs)
    if (deletes && retentionMs >= 0) this.retention.ms = Math.min(this.retention.ms, retentionMs)
    if (deletes && retentionBytes >= 0) this.retention.bytes = Math.min(this.retention.bytes, retentionBytes)
  }
}
