/** log: what appending to a partition's log, reading it and taking from it share: its files, and what is known of its records. */
import type { SerialQueue } from '../runtime/serial-queue.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogCondition } from './log-condition.ts'
import type { LogConfig } from './log-config.ts'
import type { LogFlush } from './log-flush.ts'
import type { LogOffsets } from './log-offsets.ts'
import type { LogReader } from './log-reader.ts'
import type { LogStorage } from './log-storage.ts'
import type { ProducerStates } from './producer-states.ts'
import type { Segments } from './segments.ts'
import type { SideFiles } from './side-files.ts'
import type { PartitionTail } from './tail-cache.ts'

export interface LogParts {
  /** `topic-0` */
  readonly name: string
  readonly storage: LogStorage
  readonly segments: Segments
  readonly producers: ProducerStates
  readonly epochs: LeaderEpochs
  readonly offsets: LogOffsets
  readonly condition: LogCondition
  readonly reader: LogReader
  readonly sideFiles: SideFiles
  readonly flush: LogFlush
  readonly tail: PartitionTail
  /** What takes segments out of the log, one at a time. */
  readonly removals: SerialQueue
  config: LogConfig
  /** Nothing can be written any more, and what is pending never was. */
  failed(error: unknown): void
}
