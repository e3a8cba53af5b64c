/** log: opens one partition of a log directory by what its checkpoints say, or makes it. */
import type { Checkpoints } from './checkpoints.ts'
import { LocalPartitionLog, type LogOwner } from './local-partition-log.ts'
import type { LogConfig } from './log-config.ts'
import type { LogStorage } from './log-storage.ts'
import type { PartitionDirectories } from './partition-directories.ts'
import { createLog, loadLog } from './recovery.ts'

export interface PartitionToOpen {
  readonly topic: string
  readonly partition: number
  /** 22 characters; written to partition.metadata of a new partition, checked against that of an old one. */
  readonly topicId?: string
  readonly config: LogConfig
  /** A stored log that ends before it is emptied and starts there: what it lacks is known from elsewhere. */
  readonly leastEndOffset?: number
}

/** What it needs of the log directory. */
interface Surroundings {
  readonly storage: LogStorage
  readonly directories: PartitionDirectories
  readonly checkpoints: Checkpoints
  /** The directory was closed properly the last time. */
  readonly isClean: boolean
  readonly owner: LogOwner
}

/** The log in the directory `name`, which is made if it is missing. */
export async function openPartitionLog(
  name: string,
  wanted: PartitionToOpen,
  { storage, directories, checkpoints, isClean, owner }: Surroundings,
): Promise<LocalPartitionLog> {
  const directory = directories.pathOf(name)
  const { config } = wanted
  const names = await directories.filesOf(name, wanted.topicId)
  if (names === undefined) {
    await checkpoints.ensureForgotten(name)
    await directories.make(name, wanted.topicId)
    const created = await createLog(directory, storage, config)
    return new LocalPartitionLog(wanted, config, created, storage, owner, 0)
  }
  const recoveryPoint = checkpoints.recoveryPoints.get(name) ?? 0
  const loaded = await loadLog(directory, names, {
    storage,
    config,
    recoveryPoint,
    logStartOffset: checkpoints.logStartOffsets.get(name),
    leastEndOffset: wanted.leastEndOffset ?? 0,
    isClean,
    mayHaveGaps: config.compacted || checkpoints.cleanedOffsets.get(name) !== undefined,
  })
  const log = new LocalPartitionLog(
    wanted,
    config,
    loaded,
    storage,
    owner,
    isClean ? loaded.logEndOffset : recoveryPoint,
  )
  if (isClean) log.checkpointedHighWatermark = checkpoints.highWatermarks.get(name)
  const cleanedOffset = checkpoints.cleanedOffsets.get(name)
  if (cleanedOffset !== undefined) log.compaction.resumeAt(cleanedOffset)
  // What a crash has left in the page cache is not shown to readers where only what is durable is.
  if (log.logEndOffset - log.recoveryPoint >= config.flushMessages) await log.flush()
  return log
}
