/** dump: a partition's directory with all its files, and a log directory with its partitions. */
import {
  highWatermarkFileName,
  logStartOffsetFileName,
  readOffsets,
  recoveryPointFileName,
} from '../log/checkpoint-file.ts'
import {
  dumpFile,
  isKnownFile,
  type PartitionDirectoryName,
  parsePartitionDirectory,
  segmentBaseOffset,
} from './dump-file.ts'
import { largestCheckpointBytes } from './dump-state-files.ts'
import type { Report } from './report.ts'
import { BatchWalk } from './walk-batches.ts'

/** Undefined for what is no directory. */
export async function namesIn(report: Report, path: string): Promise<readonly string[] | undefined> {
  try {
    return await report.files.list(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined
    throw error
  }
}

/** It has a file that only log directories have, or a partition in it. */
export async function isLogDirectory(report: Report, path: string, names: readonly string[]): Promise<boolean> {
  if (names.some(isKnownFile)) return true
  for (const name of names) {
    if (parsePartitionDirectory(name) === undefined) continue
    const files = await namesIn(report, `${path}/${name}`).catch(() => undefined) // not ours to read: not ours
    if (files !== undefined && isPartitionDirectory(files)) return true
  }
  return false
}

/** Something of it is a segment or says which topic it is for. */
export function isPartitionDirectory(names: readonly string[]): boolean {
  return names.some((name) => segmentBaseOffset(name) !== undefined || name === 'partition.metadata')
}

/** All files of a partition, segment by segment; one that can't be read is a problem of its own. */
export async function dumpPartitionDirectory(report: Report, path: string, names: readonly string[]): Promise<void> {
  let nextOffset = 0
  for (const name of names) {
    if (!isKnownFile(name)) continue
    await orProblem(report, `${path}/${name}`, async () => {
      const baseOffset = segmentBaseOffset(name)
      if (baseOffset !== undefined && baseOffset < nextOffset) {
        const message = `the segment starts at offset ${baseOffset}, but the one before it ends with ${nextOffset - 1}`
        await report.problem(`${path}/${name}`, 0, message)
      }
      const end = await dumpFile(report, path, name)
      if (baseOffset !== undefined && end !== undefined) nextOffset = end
    })
  }
}

/**
 * The files of a log directory, then its partitions: one line for each and one for each segment; each in full where records are wanted
 * or all is verified.
 */
export async function dumpLogDirectory(report: Report, path: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (isKnownFile(name))
      await orProblem(report, `${path}/${name}`, async () => void (await dumpFile(report, path, name)))
  }
  const checkpoints = report.verify ? undefined : await readCheckpoints(report, path)
  for (const name of names) {
    const partition = parsePartitionDirectory(name)
    if (partition === undefined) continue
    const directory = `${path}/${name}`
    await orProblem(report, directory, async () => {
      const files = await namesIn(report, directory)
      if (files === undefined) return
      if (checkpoints !== undefined) await listPartition(report, directory, { partition, files, checkpoints })
      if (report.records || report.verify) await dumpPartitionDirectory(report, directory, files)
    })
  }
}

async function orProblem(report: Report, path: string, dump: () => Promise<void>): Promise<void> {
  try {
    await dump()
  } catch (error) {
    // A closed output ends it all; everything else is the file's.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') throw error
    await report.problem(path, null, (error as Error).message)
  }
}

interface Checkpoints {
  readonly logStartOffset: ReadonlyMap<string, number>
  readonly recoveryPoint: ReadonlyMap<string, number>
  readonly highWatermark: ReadonlyMap<string, number>
}

async function readCheckpoints(report: Report, path: string): Promise<Checkpoints> {
  const read = async (name: string): Promise<ReadonlyMap<string, number>> => {
    const file = `${path}/${name}`
    try {
      return (await report.files.sizeOf(file)) > largestCheckpointBytes
        ? new Map()
        : await readOffsets(report.files, file)
    } catch {
      return new Map() // missing, or its own dump has said what is wrong with it
    }
  }
  return {
    logStartOffset: await read(logStartOffsetFileName),
    recoveryPoint: await read(recoveryPointFileName),
    highWatermark: await read(highWatermarkFileName),
  }
}

async function listPartition(
  report: Report,
  directory: string,
  what: { partition: PartitionDirectoryName; files: readonly string[]; checkpoints: Checkpoints },
): Promise<void> {
  const { partition, files, checkpoints } = what
  const { topic, state } = partition
  const name = `${topic}-${partition.partition}`
  const segments: { file: string; baseOffset: number; size: number }[] = []
  for (const file of files) {
    const baseOffset = segmentBaseOffset(file)
    if (baseOffset === undefined) continue
    segments.push({ file: `${directory}/${file}`, baseOffset, size: await report.files.sizeOf(`${directory}/${file}`) })
  }
  const last = segments.at(-1)
  await report.show({
    type: 'partition',
    file: directory,
    topic,
    partition: partition.partition,
    ...(state === undefined ? {} : { state }),
    topicId: await topicIdOf(report, directory, files),
    logStartOffset: Math.max(checkpoints.logStartOffset.get(name) ?? 0, segments[0]?.baseOffset ?? 0),
    highWatermark: checkpoints.highWatermark.get(name) ?? null,
    recoveryPoint: checkpoints.recoveryPoint.get(name) ?? null,
    logEndOffset: last === undefined ? null : await endOffsetOf(report, last.file, last.baseOffset),
    size: segments.reduce((sum, segment) => sum + segment.size, 0),
    segments: segments.length,
  })
  for (const { file, ...segment } of segments) await report.show({ type: 'segment', file, ...segment })
}

async function topicIdOf(report: Report, directory: string, files: readonly string[]): Promise<string | null> {
  if (!files.includes('partition.metadata')) return null
  const path = `${directory}/partition.metadata`
  if ((await report.files.sizeOf(path)) > 1024) return null
  return /^topic_id:\s*([\w-]{22})\s*$/m.exec((await report.files.readFile(path)).toString('utf8'))?.[1] ?? null
}

/** From the headers of the last segment's batches. */
async function endOffsetOf(report: Report, path: string, baseOffset: number): Promise<number> {
  const file = await report.files.open(path, 'read')
  try {
    const walk = new BatchWalk(file, await file.size(), { wantsBodies: false })
    let end = baseOffset
    for (let batch = await walk.next(); batch !== undefined; batch = await walk.next()) end = batch.view.lastOffset + 1
    return end
  } finally {
    await file.close()
  }
}
