/** dump: tells by a file's name what it is, and dumps it. */
import { highWatermarkFileName, logStartOffsetFileName, recoveryPointFileName } from '../log/checkpoint-file.ts'
import { leaderEpochFileName } from '../log/leader-epochs.ts'
import { metaPropertiesFileName } from '../log/meta-properties.ts'
import { dumpBatches } from './dump-batches.ts'
import { dumpIndex, type IndexSuffix } from './dump-indexes.ts'
import {
  cleanShutdownFile,
  dumpStateFile,
  leaderEpochFile,
  metaPropertiesFile,
  offsetCheckpointFile,
  partitionMetadataFile,
  producerSnapshotFile,
  quorumStateFile,
  type StateFile,
} from './dump-state-files.ts'
import type { Report } from './report.ts'

/** A segment's file, also one that is about to go or to come. */
const segmentFile = /^(\d{20})(\.log|\.index|\.timeindex|\.txnindex|\.snapshot)(\.deleted|\.cleaned|\.swap)?$/
/** Kafka names one that is being written with a number by chance. */
const checkpointFile = /^(\d{20}-\d{10}(-\d+)?|bootstrap)\.checkpoint(\.deleted|\.part)?$/
/** `topic-partition`, also where it is about to go, to move, or was put aside. */
const partitionDirectory = /^([a-zA-Z0-9._-]+)-(\d{1,10})(?:\.[0-9a-zA-Z_-]+-(delete|stray|future))?$/
const metadataTopic = '__cluster_metadata'

const stateFiles = new Map<string, StateFile>([
  [leaderEpochFileName, leaderEpochFile],
  [recoveryPointFileName, offsetCheckpointFile('recovery points')],
  [highWatermarkFileName, offsetCheckpointFile('high watermarks')],
  [logStartOffsetFileName, offsetCheckpointFile('log start offsets')],
  ['cleaner-offset-checkpoint', offsetCheckpointFile('cleaner offsets')],
  [metaPropertiesFileName, metaPropertiesFile],
  ['partition.metadata', partitionMetadataFile],
  ['quorum-state', quorumStateFile],
  ['.kafka_cleanshutdown', cleanShutdownFile],
])

const indexKinds = { '.index': 'offset index', '.timeindex': 'time index', '.txnindex': 'transaction index' } as const

export interface PartitionDirectoryName {
  readonly topic: string
  readonly partition: number
  readonly state: 'delete' | 'stray' | 'future' | undefined
}

export function parsePartitionDirectory(name: string): PartitionDirectoryName | undefined {
  const match = partitionDirectory.exec(name)
  if (match === null) return undefined
  return { topic: match[1]!, partition: Number(match[2]), state: match[3] as PartitionDirectoryName['state'] }
}

/** Base offset of the segment that `name` is the log of, undefined for all other names, those of segments that go or come too. */
export function segmentBaseOffset(name: string): number | undefined {
  const match = segmentFile.exec(name)
  return match?.[2] === '.log' && match[3] === undefined ? Number(match[1]) : undefined
}

export function isKnownFile(name: string): boolean {
  return stateFiles.has(name) || segmentFile.test(name) || checkpointFile.test(name)
}

/**
 * Dumps the file `directory/name`; a segment's log resolves with the offset behind its last batch.
 * @throws Error for a name that says nothing, and the file system's own.
 */
export async function dumpFile(report: Report, directory: string, name: string): Promise<number | undefined> {
  const path = `${directory}/${name}`
  const stateFile = stateFiles.get(name)
  if (stateFile !== undefined) {
    await report.reading(path, stateFile.kind, (file, size) => dumpStateFile(report, path, stateFile, file, size))
    return undefined
  }
  if (checkpointFile.test(name)) {
    const of = { path, topic: metadataTopic, baseOffset: 0, isSnapshot: true }
    await report.reading(
      path,
      'metadata snapshot',
      async (file, size) => void (await dumpBatches(report, of, file, size)),
    )
    return undefined
  }
  const match = segmentFile.exec(name)
  if (match === null) throw new Error(`${path}: its name is none of a file that Kafka keeps`)
  return await dumpSegmentFile(report, directory, match)
}

async function dumpSegmentFile(
  report: Report,
  directory: string,
  [name, digits, suffix, state = '']: RegExpExecArray,
): Promise<number | undefined> {
  const path = `${directory}/${name}`
  const baseOffset = Number(digits)
  if (suffix === '.snapshot') {
    const { kind } = producerSnapshotFile
    await report.reading(path, kind, (file, size) => dumpStateFile(report, path, producerSnapshotFile, file, size))
    return undefined
  }
  if (suffix !== '.log') {
    const index = suffix as IndexSuffix
    const of = { path, baseOffset, logPath: `${directory}/${digits}.log${state}` }
    await report.reading(path, indexKinds[index], (file, size) => dumpIndex(report, index, of, file, size))
    return undefined
  }
  let nextOffset: number | undefined
  const topic = parsePartitionDirectory(directory.slice(directory.lastIndexOf('/') + 1))?.topic
  await report.reading(path, 'segment', async (file, size) => {
    nextOffset = await dumpBatches(report, { path, topic, baseOffset, isSnapshot: false }, file, size)
  })
  return nextOffset
}
