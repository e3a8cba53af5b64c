/** bench: the rows that ask for a broker's files: reading old records, and acknowledging only what is on disk. The others are its neighbours'. */
import { compactionRow, measureCompaction } from './compaction-row.ts'
import { type Appends, appends, consume, messagesIn, produce, type Throughput } from './loads.ts'
import type { Measuring } from './measuring.ts'
import { type Broker, partitionCount } from './peers.ts'
import { measurePartitions, measureRestart, partitionsRow, restartRow } from './restart-rows.ts'
import { untilServed, WireClient } from './wire-client.ts'

const coldReadRow = 'cold-read'
const fsyncRow = 'fsync'
export const storageRowNames = [coldReadRow, fsyncRow, restartRow, partitionsRow, compactionRow]

const coldShape = { recordBytes: 1024, acks: 'all', codec: 'none' } as const
const producers = 50

/** Those that restart the broker or need it set up in their way. */
export async function measureStorage(measuring: Measuring): Promise<void> {
  await measuring.row(coldReadRow, () => measuring.withBroker((broker) => coldRead(measuring, broker)))
  // What `odradek --fsync` sets.
  const settings = { 'log.flush.interval.messages': '1' }
  await measuring.row(fsyncRow, () => measuring.withBroker((broker) => fsync(measuring, broker), settings))
  await measuring.row(restartRow, () => measureRestart(measuring))
  await measuring.row(partitionsRow, () => measurePartitions(measuring))
  await measuring.row(compactionRow, () => measureCompaction(measuring))
}

/** What was written before a restart: no broker has it in its own memory, the kernel's page cache does. */
async function coldRead(measuring: Measuring, broker: Broker): Promise<void> {
  const { tools, effort } = measuring
  const messages = messagesIn(effort.coldMb, coldShape.recordBytes)
  const topic = await measuring.createTopic(broker, coldReadRow, partitionCount)
  measuring.say(`${coldReadRow}: ${effort.coldMb} MB, then a restart`)
  await measuring.touchMemory()
  await produce(tools, broker, { topic, shape: coldShape, messages, batchBytes: effort.batchBytes })
  await broker.end('SIGTERM')
  await broker.startAgain()
  await consume(tools, broker, { topic, messages }) // for the compilers
  const runs: Throughput[] = []
  for (let run = 0; run < effort.repeats; run += 1) {
    measuring.say(`${coldReadRow}, run ${run + 1}`)
    runs.push(await consume(tools, broker, { topic, messages }))
  }
  measuring.noteThroughput(coldReadRow, runs)
}

/** To one partition, whose appends can only share a sync, and to several, which can also sync side by side. */
async function fsync(measuring: Measuring, broker: Broker): Promise<void> {
  const { tools, effort } = measuring
  for (const partitions of [1, partitionCount]) {
    const topic = await measuring.createTopic(broker, `${fsyncRow}-${partitions}`, partitions)
    await WireClient.with(broker.port, async (client) => {
      for (let index = 0; index < partitions; index += 1) await untilServed(() => client.produce(topic, index))
    })
    const load = { topic, partitions, connections: producers, recordBytes: 100 }
    await appends(tools, broker, { ...load, ms: effort.appendsMs })
    const runs: Appends[] = []
    for (let run = 0; run < effort.repeats; run += 1) {
      measuring.say(`${fsyncRow}, ${partitions} partitions, run ${run + 1}`)
      runs.push(await appends(tools, broker, { ...load, ms: effort.appendsMs }))
    }
    const where = `${partitions} partition${partitions > 1 ? 's' : ''}`
    measuring.noteRuns(fsyncRow, `acknowledged, ${where}`, '1/s', runs, (run) => run.perSecond)
    measuring.noteRuns(fsyncRow, `broker CPU, ${where}`, 'µs each', runs, (run) => run.cpuUsEach)
  }
}
