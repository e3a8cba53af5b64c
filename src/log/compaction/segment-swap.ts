/**
 * log: how a compacted segment takes the place of those it was made from, so that a crash at any point leaves one or the other.
 *
 *     1  X.log.cleaned, X.index.cleaned, X.timeindex.cleaned, X.txnindex.cleaned    all durable
 *     2  X.log.cleaned → X.log.swap                  from here on it counts: a start goes on with 3
 *     3  the old segments → *.deleted, and then X.index.cleaned → X.index, and so on
 *     4  X.log.swap → X.log
 *
 * The directory is synced after 2 and after 3, because a power failure may keep of two renames only the later one. After 3 the name X.index is
 * that of the new one or, with X.index.cleaned still there, of the old one. Step 4 needs no sync: a start does it again. Each sync makes
 * those wait who append elsewhere on the disk, so there is none without need. What Kafka leaves in its own way (all four files as
 * `.swap`) is understood too. Source: Kafka's LocalLog.replaceSegments and LogLoader.
 */
import { batchesIn } from '../../../protocol/records/batches.ts'
import type { FileSystem } from '../../runtime/file-system.ts'
import type { Logger } from '../../runtime/logger.ts'
import { batchRuns } from '../batch-scan.ts'
import type { Segment } from '../segment.ts'
import { segmentFileName } from '../segment-files.ts'
import { cleanedSuffix } from './compaction-run.ts'

const swapSuffix = '.swap'
const swapFilePattern = /^(\d{20})\.log\.swap$/
const partFilePattern = /^(\d{20})(\.index|\.timeindex|\.txnindex)\.(cleaned|swap)$/
const segmentLogPattern = /^(\d{20})\.log$/
const indexSuffixes = ['.index', '.timeindex', '.txnindex'] as const

/** Steps 2 to 4. `old`: retired; their files' new paths are returned, for removal later. `hasTransactionIndex`: the new one is not empty. */
export async function renameIntoPlace(
  files: FileSystem,
  directory: string,
  old: readonly Segment[],
  hasTransactionIndex: boolean,
): Promise<string[]> {
  const { baseOffset } = old[0]!
  const log = `${directory}/${segmentFileName(baseOffset, '.log')}`
  await files.rename(log + cleanedSuffix, log + swapSuffix)
  await files.syncDirectory(directory)
  const removed: string[] = []
  for (const [index, segment] of old.entries()) removed.push(...(await segment.renameAway(index === 0)))
  for (const suffix of indexSuffixes) {
    if (suffix === '.txnindex' && !hasTransactionIndex) continue
    const path = `${directory}/${segmentFileName(baseOffset, suffix)}`
    await files.rename(path + cleanedSuffix, path)
  }
  await files.syncDirectory(directory)
  // Not before: it says that the old one counts no more.
  if (!hasTransactionIndex)
    await files.remove(`${directory}/${segmentFileName(baseOffset, '.txnindex')}${cleanedSuffix}`)
  await files.rename(log + swapSuffix, log)
  return removed
}

/** Finishes what a crash has interrupted, and removes what never counted. `names`: the files in `directory`; returns what is there then. */
export async function finishSwaps(
  files: FileSystem,
  directory: string,
  names: readonly string[],
  logger: Logger,
): Promise<readonly string[]> {
  if (!names.some((name) => name.endsWith(swapSuffix) || name.endsWith(cleanedSuffix))) return names
  for (const name of names) {
    const baseOffset = swapFilePattern.exec(name)?.[1]
    if (baseOffset === undefined) continue
    logger.info({ path: `${directory}/${name}` }, 'a compacted segment takes its place, which a crash had interrupted')
    await finishSwap(files, directory, Number(baseOffset))
  }
  const left = await files.list(directory)
  for (const name of left) {
    const [, baseOffset, suffix, kind] = partFilePattern.exec(name) ?? []
    const path = `${directory}/${name}`
    const target = `${baseOffset}${suffix}`
    // Kafka renames the log before its indexes.
    const isLate = kind === 'swap' && left.includes(`${baseOffset}.log`) && !left.includes(target)
    if (isLate) await files.rename(path, `${directory}/${target}`)
    else if (name.endsWith(swapSuffix) || name.endsWith(cleanedSuffix)) await files.remove(path)
  }
  await files.syncDirectory(directory)
  return await files.list(directory)
}

/** Steps 3 and 4, as far as they are not done. */
async function finishSwap(files: FileSystem, directory: string, baseOffset: number): Promise<void> {
  const log = `${directory}/${segmentFileName(baseOffset, '.log')}`
  const nextOffset = await endOf(files, log + swapSuffix)
  const names = await files.list(directory)
  for (const name of names) {
    const old = Number(segmentLogPattern.exec(name)?.[1] ?? -1)
    if (old <= baseOffset || old >= nextOffset) continue
    for (const suffix of ['.log', ...indexSuffixes, '.snapshot'] as const) {
      await files.remove(`${directory}/${segmentFileName(old, suffix)}`)
    }
  }
  await files.syncDirectory(directory)
  for (const suffix of indexSuffixes) {
    const target = segmentFileName(baseOffset, suffix)
    const part = [swapSuffix, cleanedSuffix].map((kind) => target + kind).find((name) => names.includes(name))
    // Without one, what is there is the new one already.
    if (part === undefined) continue
    const isEmpty = suffix === '.txnindex' && (await files.sizeOf(`${directory}/${part}`)) === 0
    if (isEmpty) {
      await files.remove(`${directory}/${target}`)
      await files.syncDirectory(directory)
      await files.remove(`${directory}/${part}`)
    } else {
      await files.rename(`${directory}/${part}`, `${directory}/${target}`)
    }
  }
  await files.syncDirectory(directory)
  await files.rename(log + swapSuffix, log)
  await files.syncDirectory(directory)
}

/** The offset behind the last batch in the file; 0 when there is none. */
async function endOf(files: FileSystem, path: string): Promise<number> {
  const size = await files.sizeOf(path)
  const file = await files.open(path, 'read')
  let nextOffset = 0
  try {
    for await (const { bytes } of batchRuns(file, 0, size)) {
      for (const batch of batchesIn(bytes)) nextOffset = batch.nextOffset
    }
  } finally {
    await file.close()
  }
  return nextOffset
}
