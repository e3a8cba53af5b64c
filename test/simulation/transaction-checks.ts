/** What a log knows of its producers, and what read_committed gives of their transactions. */
import { endTransactionMarkerOf } from '../../protocol/records/control-records.ts'
import { recordsOf } from '../../protocol/records/record.ts'
import type { RecordBatchView } from '../../protocol/records/record-batch.ts'
import type { ProducerState, ReadResult } from '../../src/log/partition-log.ts'
import type { Entry, ModelProducer, ModelTransaction } from './partition-model.ts'
import { type FoundRecord, readOnce } from './reading.ts'
import type { SimulatedPartition } from './simulated-partition.ts'
import type { Simulation } from './simulation.ts'

/**
 * What lay in segments that are gone is known from snapshots, which a crash may lose. `tells`: the batch is still there. Of a producer whose
 * records went, compaction leaves the header of its last batch, also of a marker, from which a start without a snapshot learns nothing: an emptied
 * marker says that its whole transaction is gone, and Kafka's ProducerAppendInfo passes it over, too. So where a life has not known better, it knows
 * what the batches tell that are left.
 */
export function checkProducers(
  simulation: Simulation,
  partition: SimulatedPartition,
  tells: (entry: Entry) => boolean,
): void {
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
export async function checkTransactions(
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

export function isOfAborted(
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
