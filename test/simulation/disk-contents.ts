/** What lies in a partition's directory on the simulated disk, whatever its log says, and how it is damaged. */
import { batchesIn } from '../../protocol/records/batches.ts'
import type { RecordBatchView } from '../../protocol/records/record-batch.ts'
import { DiskDirectory, type DiskFile, type SimulatedDisk } from '../../src/runtime/simulated-disk.ts'
import type { SimulatedPartition } from './simulated-partition.ts'
import type { Simulation } from './simulation.ts'

/** In a transaction index. */
const transactionEntryBytes = 34

/** All below is in segments whose bytes and names survive a power failure in any case. */
export function certainEndOf(disk: SimulatedDisk, { name, log, config }: SimulatedPartition): number {
  const path = `data/${name}`
  const directory = disk.at(path) as DiskDirectory
  const bases = [...directory.names.keys()]
    .filter((each) => each.endsWith('.log'))
    .map((each) => Number.parseInt(each, 10))
  bases.sort((left, right) => left - right)
  const first = Math.max(
    0,
    bases.findLastIndex((base) => base <= log.logStartOffset),
  )
  let end = log.logStartOffset
  for (let index = first; index < bases.length; index += 1) {
    const logName = `${String(bases[index]!).padStart(20, '0')}.log`
    const file = `${path}/${logName}`
    // A start gives it the name that it has now.
    const certain = disk.certainContent(file, `${logName}.swap`)
    // Compaction is giving it its name: under that or with `.swap` behind it, the segment is there.
    const isSwapped = certain === undefined && config.compacted && index < bases.length - 1
    if (isSwapped) continue
    if (certain === undefined) return end
    for (const batch of wholeBatches(certain)) end = Math.max(end, batch.lastOffset + 1)
    if (certain.length < (disk.at(file) as DiskFile).content.length) return end
    end = Math.max(end, bases[index + 1] ?? 0)
  }
  return end
}

/** Those before the first byte that is none of a batch. */
export function wholeBatches(bytes: Buffer): RecordBatchView[] {
  const found: RecordBatchView[] = []
  try {
    for (const batch of batchesIn(bytes)) found.push(batch)
  } catch {
    // A torn end, which the log does not count as its own.
  }
  return found
}

/** Of some partition: what the log does not need to be right, as it can make it anew. */
export function damageTransactionIndex(simulation: Simulation, disk: SimulatedDisk): void {
  const { chance, partitions } = simulation
  const { name } = chance.pick(partitions)
  const directory = disk.at(`data/${name}`)
  if (!(directory instanceof DiskDirectory)) return
  const indexes = [...directory.names].filter(([file]) => file.endsWith('.txnindex'))
  if (indexes.length === 0) return
  const [file, node] = chance.pick(indexes)
  const { content } = node as DiskFile
  if (content.length === 0) return
  const at = chance.below(content.length)
  simulation.note(`damage ${file} of ${name} at ${at} of ${content.length}`)
  const isCut = chance.happens(0.5) && at % transactionEntryBytes !== 0
  if (isCut) (node as DiskFile).truncate(at)
  else (node as DiskFile).write(at - (at % transactionEntryBytes), Buffer.from([0xff]))
}
