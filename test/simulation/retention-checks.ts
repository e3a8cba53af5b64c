/** What retention and DeleteRecords have taken: only what they may. */
import { recordsOf } from '../../protocol/records/record.ts'
import type { DiskDirectory, DiskFile } from '../../src/runtime/simulated-disk.ts'
import { wholeBatches } from './disk-contents.ts'
import type { Entry } from './partition-model.ts'
import type { SimulatedPartition } from './simulated-partition.ts'
import type { Simulation } from './simulation.ts'

/** What retention has deleted was old or too much, by all that was appended until then. */
export function checkDeletion(simulation: Simulation, partition: SimulatedPartition): void {
  const { log, model, seenLogStartOffset, retention, config } = partition
  const { logStartOffset } = log
  if (logStartOffset > model.startCeiling) {
    const later = model.entries.slice(model.indexOf(logStartOffset))
    const laterBytes = later.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const isTooMuch = laterBytes >= retention.bytes || config.compressionType !== 'producer'
    const nowMs = simulation.clock.now()
    const isLeft = config.compacted ? leftByCompaction(simulation, partition) : () => true
    for (const entry of model.entries.slice(model.indexOf(seenLogStartOffset), model.indexOf(logStartOffset))) {
      const isOld = nowMs - maxTimestampOf(entry, isLeft) > retention.ms
      if (isOld || (isTooMuch && retention.bytes < Number.POSITIVE_INFINITY)) continue
      simulation.fail(`${partition.name}: the batch at ${entry.baseOffset} was deleted before its time`)
    }
  }
  partition.retention = { ms: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY }
  partition.noteRetention()
}

/**
 * Which records compaction has left in segments that are just being deleted: a segment is as old as the youngest of those, here as in Kafka, where
 * the largest timestamp in the compacted segment counts. Where the files are gone by now, none counts that a newer one of its key may have taken.
 */
function leftByCompaction(
  simulation: Simulation,
  { name, log, model, seenLogStartOffset }: SimulatedPartition,
): (entry: Entry, index: number) => boolean {
  const directory = simulation.life.files.disk.at(`data/${name}`) as DiskDirectory
  const found = new Set<number>()
  let isWhole = false
  for (const [fileName, file] of directory.names) {
    const base = Number.parseInt(fileName, 10)
    if (!fileName.endsWith('.log') || base >= log.logStartOffset) continue
    isWhole ||= base <= seenLogStartOffset
    for (const batch of wholeBatches((file as DiskFile).content)) {
      for (const { offset } of recordsOf(batch)) found.add(offset)
    }
  }
  if (isWhole) return ({ baseOffset }, index) => found.has(baseOffset + index)
  const newest = new Map<string | null, number>()
  for (const { records, baseOffset } of model.entries) {
    for (const [index, { key }] of records.entries()) newest.set(key, baseOffset + index)
  }
  return ({ baseOffset, isTransactional, records }, index) => {
    const { key, value } = records[index]!
    return !isTransactional && value !== null && newest.get(key) === baseOffset + index
  }
}

/** Of those records that are left; long ago where none is. */
function maxTimestampOf(entry: Entry, isLeft: (entry: Entry, index: number) => boolean): number {
  return Math.max(0, ...entry.records.filter((_, index) => isLeft(entry, index)).map(({ timestamp }) => timestamp))
}
