/** Compares a log, and what the simulated disk keeps for certain, with the partition's model. */
import { readOffsets, recoveryPointFileName } from '../../src/log/checkpoint-file.ts'
import { DiskFile } from '../../src/runtime/simulated-disk.ts'
import { certainEndOf } from './disk-contents.ts'
import type { Entry } from './partition-model.ts'
import { type FoundRecord, readOnce, readThrough } from './reading.ts'
import { checkDeletion } from './retention-checks.ts'
import type { SimulatedPartition } from './simulated-partition.ts'
import type { Simulation } from './simulation.ts'
import { checkProducers, checkTransactions, isOfAborted } from './transaction-checks.ts'

const samples = 4

/** After each turn of the event loop: what moves, moves within its bounds. */
export function checkProgress(simulation: Simulation, partition: SimulatedPartition): void {
  const { log, model, seenLogStartOffset } = partition
  const { logStartOffset, lastStableOffset, highWatermark, logEndOffset } = log
  const order = [logStartOffset, lastStableOffset, highWatermark, logEndOffset, model.endOffset]
  if (order.some((offset, index) => index > 0 && order[index - 1]! > offset)) {
    simulation.fail(`${partition.name}: start, stable, high watermark, end, model's end are not in order: ${order}`)
  }
  if (logStartOffset < seenLogStartOffset) {
    simulation.fail(`${partition.name}: the log start went back from ${seenLogStartOffset} to ${logStartOffset}`)
  }
  if (logStartOffset > seenLogStartOffset) checkDeletion(simulation, partition)
  partition.seenLogStartOffset = logStartOffset
}

/** The recovery point, in memory and in its file, lies not behind what survives any power failure. */
export function checkRecoveryPoint(simulation: Simulation, partition: SimulatedPartition): void {
  const { recoveryPoint } = partition.log
  partition.seenRecoveryPoint = recoveryPoint
  const certainEnd = certainEndOf(simulation.life.files.disk, partition)
  if (recoveryPoint > certainEnd) {
    simulation.fail(
      `${partition.name}: the recovery point is ${recoveryPoint}, certain is what lies below ${certainEnd}`,
    )
  }
  partition.model.isDurable(recoveryPoint)
}

/** All that a reader can ask, where nothing is under way. */
export async function checkLog(simulation: Simulation, partition: SimulatedPartition): Promise<void> {
  const { log, model } = partition
  const { logStartOffset, logEndOffset, highWatermark } = log
  const where = `${partition.name} from ${logStartOffset} to ${logEndOffset}`
  if (logEndOffset !== model.endOffset) simulation.fail(`${where}: it should end at ${model.endOffset}`)
  if (highWatermark !== logEndOffset) simulation.fail(`${where}: its high watermark is ${highWatermark}`)
  const { records, bases, emptiedMarkers, nextOffset } = await readThrough(simulation, partition)
  if (partition.config.compacted) forgetLost(partition, bases)
  const tells = ({ baseOffset }: Entry): boolean => bases.has(baseOffset) && !emptiedMarkers.has(baseOffset)
  checkProducers(simulation, partition, tells)
  checkEpochs(simulation, partition, bases)
  if (nextOffset !== logEndOffset && !partition.config.compacted)
    simulation.fail(`${where}: reading ended at ${nextOffset}`)
  if (partition.config.compacted) checkCompacted(simulation, partition, records)
  for (let sample = 0; sample < samples && logEndOffset > logStartOffset; sample += 1) {
    const offset = simulation.chance.between(logStartOffset, logEndOffset - 1)
    await readOnce(simulation, partition, offset, 'high_watermark')
    await checkTimestamp(simulation, partition, records)
  }
  await checkMaxTimestamp(simulation, partition, records)
  await checkTransactions(simulation, partition, records)
  await checkCheckpoint(simulation, partition)
}

/** `bases`: of the batches that are there. */
function forgetLost(partition: SimulatedPartition, bases: ReadonlySet<number>): void {
  const { model, log, producers } = partition
  if (!model.entries.some(({ mayBeLost }) => mayBeLost)) return
  // What lies behind the log start nobody can read.
  const isUnknown = ({ lastOffset }: Entry) => lastOffset < log.logStartOffset
  model.entries = model.entries.filter(
    (entry) => entry.mayBeLost !== true || bases.has(entry.baseOffset) || isUnknown(entry),
  )
  for (const entry of model.entries) entry.mayBeLost &&= isUnknown(entry)
  producers.restart(model)
}

/** What compaction has taken was superseded, or was never to be read, or is a tombstone or marker that has had its time. */
function checkCompacted(simulation: Simulation, partition: SimulatedPartition, records: readonly FoundRecord[]): void {
  const { name, log, model, leastDeleteRetentionMs } = partition
  const present = new Set(records.map(({ offset }) => offset))
  const transactions = model.transactions()
  const producers = model.producers()
  const newest = new Map<string, number>()
  const nowMs = simulation.clock.now()
  for (const entry of model.entries.slice(model.indexOf(log.logStartOffset)).reverse()) {
    const hasHadItsTime = nowMs - entry.appendedMs >= leastDeleteRetentionMs
    const isAborted = entry.isTransactional && isOfAborted(transactions, entry)
    // It may be above the last stable offset again, where a power failure has taken the marker of another transaction.
    const isOpen = producers.get(entry.producerId)?.transactionFirstOffset ?? -1
    const isCommitted = !isAborted && !(entry.isTransactional && isOpen >= 0 && entry.baseOffset >= isOpen)
    for (let index = entry.records.length - 1; index >= 0; index -= 1) {
      const { key, value } = entry.records[index]!
      const offset = entry.baseOffset + index
      if (offset < log.logStartOffset) continue
      const isLeft = present.has(offset)
      const isSuperseded = newest.has(key ?? '')
      if (isCommitted && entry.marker === undefined && (isLeft || entry.mayBeLost !== true))
        newest.set(key ?? '', offset)
      const isTombstone = entry.marker !== undefined || value === null
      if (isLeft || entry.mayBeLost || isSuperseded || isAborted || (isTombstone && hasHadItsTime)) continue
      simulation.fail(`${name}: compaction has taken the record at ${offset}, which is the newest of ${key}`)
    }
  }
}

async function checkTimestamp(
  simulation: Simulation,
  partition: SimulatedPartition,
  records: readonly FoundRecord[],
): Promise<void> {
  const { log, model } = partition
  if (records.length === 0) return
  const wantedMs = simulation.chance.pick(records).timestamp + simulation.chance.pick([0, 0, 1, -1])
  const wanted = records.find(({ timestamp }) => timestamp >= wantedMs)
  const found = await log.offsetForTimestamp(wantedMs, 'high_watermark')
  if (found?.offset !== wanted?.offset || found?.timestampMs !== wanted?.timestamp) {
    const both = `${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`
    simulation.fail(`${partition.name}: the first record at ${wantedMs} or later is said to be ${both}`)
  }
  const epoch = wanted && model.entryAt(wanted.offset)!.leaderEpoch
  if (found?.leaderEpoch !== epoch) simulation.fail(`${partition.name}: ${JSON.stringify(found)} is of epoch ${epoch}`)
}

async function checkMaxTimestamp(
  simulation: Simulation,
  { log, name }: SimulatedPartition,
  records: readonly FoundRecord[],
): Promise<void> {
  let wanted: FoundRecord | undefined
  for (const record of records) {
    if (record.timestamp > (wanted?.timestamp ?? -1)) wanted = record
  }
  const found = await log.offsetOfMaxTimestamp()
  if (found?.offset !== wanted?.offset || found?.timestampMs !== wanted?.timestamp) {
    const both = `${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`
    simulation.fail(`${name}: the largest timestamp is said to be ${both}`)
  }
}

/** Epochs that wrote nothing may be forgotten, and after a crash also where one began whose first batches compaction has taken. */
function checkEpochs(
  simulation: Simulation,
  { name, log, model, config }: SimulatedPartition,
  bases: ReadonlySet<number>,
): void {
  const all = model.entries.slice(model.indexOf(log.logStartOffset))
  const entries = config.compacted ? all.filter(({ baseOffset }) => bases.has(baseOffset)) : all
  for (const [index, { leaderEpoch, baseOffset, lastOffset }] of entries.entries()) {
    for (const offset of [Math.max(baseOffset, log.logStartOffset), lastOffset]) {
      const found = log.epochForOffset(offset)
      if (found !== leaderEpoch) simulation.fail(`${name}: offset ${offset} is of epoch ${leaderEpoch}, not ${found}`)
    }
    const next = entries[index + 1]
    if (next === undefined || next.leaderEpoch === leaderEpoch || config.compacted) continue
    const found = log.endOffsetForEpoch(leaderEpoch)
    if (found.leaderEpoch !== leaderEpoch || found.endOffset !== next.baseOffset) {
      simulation.fail(`${name}: epoch ${leaderEpoch} ends at ${next.baseOffset}, not as said: ${JSON.stringify(found)}`)
    }
  }
}

async function checkCheckpoint(simulation: Simulation, partition: SimulatedPartition): Promise<void> {
  const { disk } = simulation.life.files
  const file = disk.at(`data/${recoveryPointFileName}`)
  if (!(file instanceof DiskFile)) return
  const points = await readOffsets({ readFile: async () => file.content } as never, recoveryPointFileName)
  const point = points.get(partition.name) ?? 0
  const certainEnd = certainEndOf(disk, partition)
  if (point > certainEnd) {
    simulation.fail(
      `${partition.name}: the recovery point on disk is ${point}, certain is what lies below ${certainEnd}`,
    )
  }
}
