/** What is done to the logs, each operation as often as its weight says. An operation more is a line more in the table. */
import { KafkaError } from '../../protocol/errors.ts'
import type { FileOperation } from '../../src/runtime/memory-file-system.ts'
import { certainEndOf } from './disk-contents.ts'
import type { BatchToAppend, Entry } from './partition-model.ts'
import { readOnce } from './reading.ts'
import { randomConfig } from './settings.ts'
import type { SimulatedPartition } from './simulated-partition.ts'
import type { Simulation } from './simulation.ts'
import { bytesOf } from './workload.ts'

interface Operation {
  readonly name: string
  readonly weight: number
  /** Resolves when it has begun, or has ended where nothing may go on beside it. */
  run(simulation: Simulation): void | Promise<void>
}

const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const

export const operations: readonly Operation[] = [
  { name: 'append plain', weight: 14, run: (simulation) => appendSome(simulation, 'plain') },
  { name: 'append idempotent', weight: 16, run: (simulation) => appendSome(simulation, 'idempotent') },
  { name: 'append transactional', weight: 14, run: (simulation) => appendSome(simulation, 'transactional') },
  { name: 'end a transaction', weight: 10, run: endTransaction },
  { name: 'repeat a batch', weight: 4, run: repeat },
  { name: 'read', weight: 8, run: read },
  { name: 'let time pass', weight: 8, run: letTimePass },
  { name: 'flush', weight: 3, run: flush },
  { name: 'become leader', weight: 2, run: becomeLeader },
  { name: 'delete records', weight: 3, run: deleteRecords },
  { name: 'enforce retention', weight: 3, run: enforceRetention },
  { name: 'compact', weight: 4, run: compact },
  { name: 'truncate', weight: 2, run: truncate },
  { name: 'change the config', weight: 3, run: changeConfig },
  { name: 'write checkpoints', weight: 2, run: checkpoint },
  { name: 'close and open again', weight: 1.5, run: reopen },
  { name: 'restart', weight: 1.5, run: (simulation) => simulation.restart() },
  { name: 'die', weight: 1.5, run: (simulation) => simulation.life.files.kill() },
  { name: 'fail', weight: 1.5, run: failCalls },
  { name: 'fill the disk', weight: 0.7, run: fillDisk },
]

function appendSome(simulation: Simulation, kind: 'plain' | 'idempotent' | 'transactional'): void {
  const partition = simulation.chance.pick(simulation.partitions)
  for (let count = simulation.chance.pick([1, 1, 2, 5]); count > 0; count -= 1) {
    const batch = partition.producers[kind](simulation.clock.now(), partition.config.compacted)
    append(simulation, partition, batch)
  }
}

function endTransaction(simulation: Simulation): void {
  const partition = simulation.chance.pick(simulation.partitions)
  const marker = partition.producers.marker(simulation.clock.now())
  if (marker !== undefined) append(simulation, partition, marker)
}

function append(simulation: Simulation, partition: SimulatedPartition, batch: BatchToAppend): void {
  if (partition.isOffline) return
  const { log, model, config, leaderEpoch } = partition
  const bytes = bytesOf(batch, simulation.chance.happens(0.9) ? 'none' : simulation.chance.pick(codecs))
  const isClients = !batch.isTransactional
  const isTimed = isClients && config.messageTimestampType === 'LogAppendTime'
  const timestamp = simulation.clock.now()
  const records = isTimed ? batch.records.map((record) => ({ ...record, timestamp })) : batch.records
  const sent = { bytes: Buffer.from(bytes), leaderEpoch, opening: partition.openings, appendedMs: timestamp }
  const entry = model.place({ ...batch, records }, sent)
  simulation.note(`append to ${partition.name}: ${entry.baseOffset} to ${entry.lastOffset}, ${bytes.length} bytes`)
  const appended = log.append(bytes, isClients ? 'client' : 'coordinator')
  simulation.track(acknowledged(simulation, partition, appended, { entry, isRepeated: false }))
}

/** Takes down what the log has promised. A repeated batch is no more durable than it was acknowledged the first time. */
async function acknowledged(
  simulation: Simulation,
  partition: SimulatedPartition,
  appended: Promise<{ baseOffset: number }>,
  { entry, isRepeated }: { entry: Entry; isRepeated: boolean },
): Promise<void> {
  const { config, model, name } = partition
  const { files } = simulation.life
  let baseOffset: number
  try {
    baseOffset = (await appended).baseOffset
  } catch (error) {
    if (files.isDead) return
    if (!simulation.isExpected(error)) throw error
    simulation.note(`${name} failed at ${entry.baseOffset}`)
    partition.isOffline = true
    return
  }
  if (files.isDead) return
  simulation.note(`acknowledged ${entry.baseOffset} of ${name}`)
  if (baseOffset !== entry.baseOffset) simulation.fail(`${name}: ${entry.baseOffset} was acknowledged as ${baseOffset}`)
  model.survives(entry.lastOffset + 1)
  if (config.flushMessages !== 1 || partition.config !== config || isRepeated) return
  const certainEnd = certainEndOf(files.disk, partition)
  if (certainEnd <= entry.lastOffset) {
    simulation.fail(`${name}: ${entry.lastOffset} was acknowledged, certain is what lies below ${certainEnd}`)
  }
  model.isDurable(entry.lastOffset + 1)
}

/** A producer that has not heard of its last batch sends it again. */
function repeat(simulation: Simulation): void {
  const partition = simulation.chance.pick(simulation.partitions)
  const { model, log } = partition
  if (partition.isOffline) return
  const sent = model.entries.filter(({ baseSequence, isTransactional }) => baseSequence >= 0 && !isTransactional)
  const last = sent.at(-1)
  // A batch that was not durable when the power failed is a new one, here as in Kafka, where the log does not have it any more.
  if (last === undefined || last.mayBeLost || last.baseOffset < log.firstSegmentOffset) return
  const mine = sent.filter(({ producerId, producerEpoch }) => {
    return producerId === last.producerId && producerEpoch === last.producerEpoch
  })
  const remembered = mine.slice(-5).filter(({ baseOffset, opening }) => {
    return baseOffset === last.baseOffset || (opening === partition.openings && baseOffset >= log.firstSegmentOffset)
  })
  const entry = simulation.chance.pick(remembered)
  simulation.note(`repeat ${entry.baseOffset} of ${partition.name}`)
  const appended = log.append(Buffer.from(entry.bytes), 'client')
  simulation.track(acknowledged(simulation, partition, appended, { entry, isRepeated: true }))
}

function read(simulation: Simulation): void {
  const partition = simulation.chance.pick(simulation.partitions)
  const { log } = partition
  if (partition.isOffline || log.logEndOffset === log.logStartOffset) return
  const offset = simulation.chance.between(log.logStartOffset, log.logEndOffset)
  const isolation = simulation.chance.pick(['high_watermark', 'txn_committed'] as const)
  const { files } = simulation.life
  const reading = async (): Promise<void> => {
    try {
      const { nextOffset, result } = await readOnce(simulation, partition, offset, isolation)
      if (files.isDead || nextOffset === offset) return
      const limit = isolation === 'high_watermark' ? result.highWatermark : result.lastStableOffset
      if (nextOffset > limit) simulation.fail(`${partition.name}: ${nextOffset - 1} was read before it was to be seen`)
      partition.model.survives(nextOffset)
      if (partition.isAlwaysDurable) partition.model.isDurable(nextOffset)
    } catch (error) {
      const isGone = error instanceof KafkaError && error.kafkaError === 'OFFSET_OUT_OF_RANGE'
      if (isGone && (offset < log.logStartOffset || offset > log.logEndOffset)) return
      if (!simulation.isExpected(error)) throw error
    }
  }
  simulation.track(reading())
}

async function letTimePass(simulation: Simulation): Promise<void> {
  const byMs = simulation.chance.pick([1, 100, 1000, 5000, 20_000, 70_000, 400_000])
  simulation.note(`${byMs} ms pass`)
  await simulation.clock.advance(byMs)
}

function flush(simulation: Simulation): void {
  const partition = simulation.chance.pick(simulation.partitions)
  const { model, log } = partition
  const { files } = simulation.life
  const upTo = model.endOffset
  if (partition.isOffline) return
  simulation.note(`flush ${partition.name} up to ${upTo}`)
  const flushing = async (): Promise<void> => {
    try {
      await log.flush()
    } catch (error) {
      if (!simulation.isExpected(error)) throw error
      return
    }
    if (!files.isDead && model.endOffset >= upTo) model.isDurable(upTo)
  }
  simulation.track(flushing())
}

function becomeLeader(simulation: Simulation): void {
  const partition = simulation.chance.pick(simulation.partitions)
  if (partition.isOffline) return
  partition.leaderEpoch += simulation.chance.between(1, 3)
  simulation.note(`leader epoch ${partition.leaderEpoch} of ${partition.name}`)
  const becoming = partition.log.becomeLeader(partition.leaderEpoch).catch((error: unknown) => {
    if (!simulation.isExpected(error)) throw error
  })
  simulation.track(becoming)
}

function deleteRecords(simulation: Simulation): void {
  const partition = simulation.chance.pick(simulation.partitions)
  const { log, model } = partition
  const { files } = simulation.life
  if (partition.isOffline) return
  const { highWatermark, logStartOffset } = log
  const offset = simulation.chance.happens(0.2) ? -1 : simulation.chance.between(logStartOffset, highWatermark)
  model.startCeiling = Math.max(model.startCeiling, offset === -1 ? highWatermark : offset)
  simulation.note(`delete records of ${partition.name} before ${offset}`)
  const deleting = async (): Promise<void> => {
    try {
      await log.deleteRecordsBefore(offset)
    } catch (error) {
      if (!simulation.isExpected(error)) throw error
      return
    }
    if (!files.isDead) model.startFloor = Math.max(model.startFloor, offset === -1 ? highWatermark : offset)
  }
  simulation.track(deleting())
}

function enforceRetention(simulation: Simulation): void {
  simulation.note('enforce retention')
  simulation.track(simulation.life.directory.enforceRetention())
}

function compact(simulation: Simulation): void {
  simulation.note('compact')
  const compacting = simulation.life.directory.compact().catch((error: unknown) => {
    if (!simulation.isExpected(error)) throw error
  })
  simulation.track(compacting)
}

/** With nothing else appended meanwhile: what is queued then has no place yet. */
async function truncate(simulation: Simulation): Promise<void> {
  const partition = simulation.chance.pick(simulation.partitions)
  // Compaction has taken what was superseded by records that would go now.
  if (partition.config.compacted) return
  if (partition.isOffline || !(await simulation.quiesce()) || partition.isOffline) return
  const { log, model } = partition
  const { logStartOffset, logEndOffset } = log
  const offset = simulation.chance.between(logStartOffset, logEndOffset)
  const cutAt = model.batchStart(offset)
  if (cutAt < logStartOffset || logEndOffset !== model.endOffset) return
  simulation.note(`truncate ${partition.name} to ${offset}`)
  model.durableOffset = Math.min(model.durableOffset, cutAt)
  model.survivingOffset = Math.min(model.survivingOffset, cutAt)
  partition.isTruncating = true
  const outcome = await simulation.wait(log.truncate(offset))
  if (outcome === undefined) return
  if ('error' in outcome) {
    if (!simulation.isExpected(outcome.error)) throw outcome.error
    partition.isOffline = true
    return
  }
  partition.isTruncating = false
  model.cut(cutAt)
  partition.producers.restart(model)
}

function changeConfig(simulation: Simulation): void {
  const partition = simulation.chance.pick(simulation.partitions)
  partition.config = { ...randomConfig(simulation.chance), compacted: partition.config.compacted }
  if (simulation.chance.happens(0.5)) partition.config = { ...partition.config, flushMessages: 1 }
  partition.isAlwaysDurable = false
  partition.noteRetention()
  simulation.note(`change the config of ${partition.name}`)
  partition.log.applyConfig(partition.config)
}

function checkpoint(simulation: Simulation): void {
  simulation.note('write the checkpoints')
  const writing = simulation.life.directory.checkpoint().catch((error: unknown) => {
    if (!simulation.isExpected(error)) throw error
  })
  simulation.track(writing)
}

/** One that has failed rather than another. */
function reopen(simulation: Simulation): Promise<void> {
  const { partitions, chance } = simulation
  return simulation.reopen(partitions.find(({ isOffline }) => isOffline) ?? chance.pick(partitions))
}

const failing: readonly (readonly FileOperation[])[] = [
  ['sync', 'syncDirectory'],
  ['write'],
  ['read', 'readFile'],
  ['open', 'rename', 'remove', 'replaceFile'],
]

/** Some calls fail until the next start. */
function failCalls(simulation: Simulation): void {
  const operations = simulation.chance.pick(failing)
  simulation.note(`some calls fail: ${operations.join(' ')}`)
  simulation.life.files.faults = { errors: simulation.chance.pick([0.02, 0.3]), operations }
}

function fillDisk(simulation: Simulation): void {
  const { disk } = simulation.life.files
  disk.capacityBytes = disk.usedBytes + simulation.chance.below(1000)
  simulation.note('the disk is almost full')
}
