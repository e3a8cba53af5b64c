/** Reads a log as a client does, and compares each batch with the partition's model. */
import { batchesIn } from '../../protocol/records/batches.ts'
import { endTransactionMarkerOf } from '../../protocol/records/control-records.ts'
import { recordsOf } from '../../protocol/records/record.ts'
import type { RecordBatchView } from '../../protocol/records/record-batch.ts'
import type { Isolation, ReadResult } from '../../src/log/partition-log.ts'
import type { Entry } from './partition-model.ts'
import type { SimulatedPartition } from './simulated-partition.ts'
import type { Simulation } from './simulation.ts'

export interface FoundRecord {
  readonly offset: number
  readonly timestamp: number
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

export async function readThrough(
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
