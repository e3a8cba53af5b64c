/** Compares a log, and what the simulated disk keeps for certain, with the partition's model. */
import { batchesIn } from '../../protocol/records/batches.ts'
import { endTransactionMarkerOf } from '../../protocol/records/control-records.ts'
import { recordsOf } from '../../protocol/records/record.ts'
import type { RecordBatchView } from '../../protocol/records/record-batch.ts'
import { readOffsets, recoveryPointFileName } from '../../src/log/checkpoint-file.ts'
import type { Isolation, ProducerState, ReadResult } from '../../src/log/partition-log.ts'
import { DiskFile } from '../../src/runtime/simulated-disk.ts'
import { certainEndOf } from './disk-contents.ts'
import type { Entry, ModelProducer, ModelTransaction } from './partition-model.ts'
import { checkDeletion } from './retention-checks.ts'
import type { SimulatedPartition, Simulation } from './simulation.ts'

const samples = 4

interface FoundRecord {
  readonly offset: number
  readonly timestamp: number
}

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

/** Reads once at `fromOffset` and compares what came. Returns where to read on. */
export async function readOnce(
  simulation: Simulation,
  partition: SimulatedPartition,
  fromOffset: number,
  isolation: Isolation,
): Promise<{ result: ReadResult; batches: RecordBatchView[]; nextOffset: number }> {
  const maxBytes = simulation.chance.pick([1, 300, 1000, 100_000])
  const { log } = partition
  const result = await log.read(fromOffset, { maxBytes, minOneBatch: true, isolation })
  const batches = [...batchesIn(Buffer.concat(result.records))]
  let nextOffset = fromOffset
  for (const [index, batch] of batches.entries()) {
    const holdsIt = index === 0 && batch.baseOffset <= fromOffset && batch.lastOffset >= fromOffset
    const follows = partition.config.compacted ? batch.baseOffset >= nextOffset : batch.baseOffset === nextOffset
    if (!holdsIt && !follows) {
      simulation.fail(
        `${partition.name}: a read at ${nextOffset} gave the batch ${batch.baseOffset} to ${batch.lastOffset}`,
      )
    }
    compareBatch(simulation, partition, batch)
    nextOffset = batch.lastOffset + 1
  }
  result.release?.()
  return { result, batches, nextOffset }
}

async function readThrough(
  simulation: Simulation,
  partition: SimulatedPartition,
): Promise<{ records: FoundRecord[]; bases: Set<number>; emptiedMarkers: Set<number>; nextOffset: number }> {
  const { logStartOffset } = partition.log
  const records: FoundRecord[] = []
  const bases = new Set<number>()
  const emptiedMarkers = new Set<number>()
  for (let offset = logStartOffset; ; ) {
    const { batches, nextOffset } = await readOnce(simulation, partition, offset, 'log_end')
    for (const batch of batches) {
      bases.add(batch.baseOffset)
      if (batch.isControl && batch.recordCount === 0) emptiedMarkers.add(batch.baseOffset)
      for (const record of recordsOf(batch)) {
        if (record.offset >= logStartOffset) records.push({ offset: record.offset, timestamp: record.timestamp })
      }
    }
    if (nextOffset === offset) return { records, bases, emptiedMarkers, nextOffset }
    offset = nextOffset
  }
}

/** `batch` is what was appended there, unchanged. */
function compareBatch(simulation: Simulation, partition: SimulatedPartition, batch: RecordBatchView): void {
  const { name, model } = partition
  const entry = model.entryAt(batch.baseOffset)
  const what = `${name}: the batch ${batch.baseOffset} to ${batch.lastOffset}`
  if (entry === undefined || entry.baseOffset !== batch.baseOffset) throw simulation.fail(`${what} was never appended`)
  if (!batch.isCrcValid()) simulation.fail(`${what} has a wrong checksum`)
  const found = describe(batch)
  const wanted = [
    entry.lastOffset,
    entry.leaderEpoch,
    ...producerOf(entry),
    batch.recordCount > 0 ? entry.marker : undefined,
  ]
  if (found.join(' ') !== wanted.join(' ')) simulation.fail(`${what} is ${found.join(' ')}, not ${wanted.join(' ')}`)
  compareRecords(simulation, partition, { batch, entry })
}

/** Each record is what was appended at its offset; none is missing, unless the log is compacted. */
function compareRecords(
  simulation: Simulation,
  { name, config }: SimulatedPartition,
  { batch, entry }: { batch: RecordBatchView; entry: Entry },
): void {
  const records = [...recordsOf(batch)]
  if (records.length !== entry.records.length && !config.compacted) {
    simulation.fail(`${name}: of ${entry.records.length} records at ${entry.baseOffset}, ${records.length} are left`)
  }
  if (entry.marker !== undefined) return
  let last = -1
  for (const { offset, key, value, timestamp } of records) {
    const wanted = JSON.stringify(entry.records[offset - entry.baseOffset])
    const found = JSON.stringify({ key: key && String(key), value: value && String(value), timestamp })
    if (found !== wanted || offset <= last)
      simulation.fail(`${name}: the record at ${offset} is ${found}, not ${wanted}`)
    last = offset
  }
}

function producerOf(entry: Entry): (number | bigint | boolean)[] {
  return [entry.producerId, entry.producerEpoch, entry.baseSequence, entry.isTransactional]
}

function describe(batch: RecordBatchView): (number | bigint | boolean | string | undefined)[] {
  const isEmpty = batch.recordCount === 0
  const marker = batch.isControl && !isEmpty ? endTransactionMarkerOf(batch)!.type : undefined
  const { lastOffset, partitionLeaderEpoch, producerId, producerEpoch, baseSequence, isTransactional } = batch
  return [lastOffset, partitionLeaderEpoch, producerId, producerEpoch, baseSequence, isTransactional, marker]
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

/**
 * What lay in segments that are gone is known from snapshots, which a crash may lose. `tells`: the batch is still there. Of a producer whose
 * records went, compaction leaves the header of its last batch, also of a marker, from which a start without a snapshot learns nothing: an emptied
 * marker says that its whole transaction is gone, and Kafka's ProducerAppendInfo passes it over, too. So where a life has not known better, it knows
 * what the batches tell that are left.
 */
function checkProducers(simulation: Simulation, partition: SimulatedPartition, tells: (entry: Entry) => boolean): void {
  const { name, log, model, config, seenProducers } = partition
  const knownFrom = firstKnownOffset(log, config)
  const states = new Map(log.producerStates().map((state) => [state.producerId, state]))
  const producers = model.producers()
  const left = config.compacted ? model.producers(tells) : producers
  for (const producerId of states.keys()) {
    if (!producers.has(producerId)) simulation.fail(`${name}: there is no producer ${producerId}`)
  }
  for (const [producerId, wanted] of producers) {
    if (wanted.lastOffset < knownFrom) continue
    const found = states.get(producerId)
    if (isAsWanted(found, wanted, partition)) {
      seenProducers.add(producerId)
      continue
    }
    if (!seenProducers.has(producerId) && isAsWanted(found, left.get(producerId), partition)) continue
    const shown = found && { ...found, producerId: Number(found.producerId) }
    simulation.fail(`${name}: producer ${producerId} is ${JSON.stringify(shown)}, not ${JSON.stringify(wanted)}`)
  }
}

function isAsWanted(
  found: ProducerState | undefined,
  wanted: ModelProducer | undefined,
  { log, config }: SimulatedPartition,
): boolean {
  if (found === undefined || wanted === undefined) return found === wanted
  const knownFrom = firstKnownOffset(log, config)
  const isSequenceKnown = wanted.lastDataOffset >= knownFrom || wanted.lastSequence === -1
  const hasSequence = !isSequenceKnown || found.lastSequence === wanted.lastSequence
  const isOpenKnown = wanted.transactionFirstOffset === -1 || wanted.transactionFirstOffset >= knownFrom
  const hasOpen = !isOpenKnown || found.currentTransactionFirstOffset === wanted.transactionFirstOffset
  // Of what compaction has left of its last batch.
  const hasTime = config.compacted || found.lastTimestampMs === wanted.lastTimestampMs
  return found.producerEpoch === wanted.epoch && hasSequence && hasOpen && hasTime
}

/** Below it nobody can tell what of a compacted log a power failure has taken. */
function firstKnownOffset(
  { logStartOffset, firstSegmentOffset }: SimulatedPartition['log'],
  { compacted }: SimulatedPartition['config'],
): number {
  return compacted ? logStartOffset : firstSegmentOffset
}

/** What a read_committed consumer delivers is what was committed, up to the first open transaction. */
async function checkTransactions(
  simulation: Simulation,
  partition: SimulatedPartition,
  records: readonly FoundRecord[],
): Promise<void> {
  const { log, model, name, config } = partition
  const { logStartOffset, lastStableOffset } = log
  const open = [...model.producers().values()].map((producer) => producer.transactionFirstOffset)
  const firstOpen = Math.min(...open.filter((offset) => offset >= 0), log.highWatermark)
  const wantedStable = Math.max(firstOpen, logStartOffset)
  if (firstOpen >= firstKnownOffset(log, config) && lastStableOffset !== wantedStable) {
    simulation.fail(`${name}: the last stable offset is ${lastStableOffset}, not ${wantedStable}`)
  }
  const transactions = model.transactions()
  const from = simulation.chance.between(logStartOffset, lastStableOffset)
  const delivered: number[] = []
  for (let offset = from; ; ) {
    const { result, batches, nextOffset } = await readOnce(simulation, partition, offset, 'txn_committed')
    if (nextOffset > lastStableOffset) simulation.fail(`${name}: read_committed read up to ${nextOffset}`)
    delivered.push(...deliveredOf(result, batches))
    if (nextOffset === offset) break
    offset = nextOffset
  }
  const present = new Set(records.map(({ offset }) => offset))
  const wanted = committedOffsets(model.entries, transactions, from, lastStableOffset).filter((offset) =>
    present.has(offset),
  )
  if (delivered.filter((offset) => offset >= from).join() !== wanted.join()) {
    simulation.fail(`${name}: read_committed from ${from} gave ${delivered.join()}, not ${wanted.join()}`)
  }
}

/** As a consumer does it: between the first offset of an aborted transaction and its marker, the producer's batches are dropped. */
function deliveredOf(result: ReadResult, batches: readonly RecordBatchView[]): number[] {
  const starts = [...(result.abortedTransactions ?? [])].sort((left, right) => left.firstOffset - right.firstOffset)
  const aborted = new Set<bigint>()
  const delivered: number[] = []
  for (const batch of batches) {
    while (starts.length > 0 && starts[0]!.firstOffset <= batch.lastOffset) aborted.add(starts.shift()!.producerId)
    if (batch.isControl) {
      if (batch.recordCount > 0 && endTransactionMarkerOf(batch)!.type === 'ABORT') aborted.delete(batch.producerId)
    } else if (!batch.isTransactional || !aborted.has(batch.producerId)) {
      for (const { offset } of recordsOf(batch)) delivered.push(offset)
    }
  }
  return delivered
}

function committedOffsets(
  entries: readonly Entry[],
  transactions: readonly ModelTransaction[],
  from: number,
  upTo: number,
): number[] {
  const offsets: number[] = []
  for (const { producerId, isTransactional, marker, baseOffset, lastOffset } of entries) {
    if (marker !== undefined || lastOffset < from || lastOffset >= upTo) continue
    if (isTransactional && isOfAborted(transactions, { producerId, baseOffset })) continue
    for (let offset = Math.max(from, baseOffset); offset <= lastOffset; offset += 1) offsets.push(offset)
  }
  return offsets
}

function isOfAborted(
  transactions: readonly ModelTransaction[],
  { producerId, baseOffset }: Pick<Entry, 'producerId' | 'baseOffset'>,
): boolean {
  return transactions.some(
    (each) =>
      each.isAborted &&
      each.producerId === producerId &&
      each.firstOffset <= baseOffset &&
      baseOffset < each.lastOffset,
  )
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
