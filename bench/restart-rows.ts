/** bench: how fast a broker is back: after kill -9 with much data, and after a clean stop with many partitions. */
import { statfs } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { messagesIn, startProducing } from './loads.ts'
import type { Measuring } from './measuring.ts'
import type { Broker } from './peers.ts'
import { cpuMs, cpuPercent, memory } from './process-figures.ts'
import { median } from './statistics.ts'
import { untilServed, WireClient } from './wire-client.ts'

export const restartRow = 'restart-10gb'
export const partitionsRow = 'partitions-10k'

const shape = { recordBytes: 1024, acks: 'all', codec: 'none' } as const
const filledPartitions = 100
/** The load under which it is killed: one that the disk keeps up with, for so long. */
const steadyMbPerSecond = 50
const steadyMs = 20_000
/** Side files, and what comes between two looks at the size. */
const spareFraction = 0.2
const lookEveryMs = 200
const emptyTopics = 10

/**
 * Fills it as fast as it goes and kills it at once, then several times under a steady load that lasts long enough for a background flush to
 * catch up.
 */
export async function measureRestart(measuring: Measuring): Promise<void> {
  const { restartMb, kills } = measuring.effort
  await measuring.withBroker(async (broker) => {
    const neededMb = (restartMb + (kills * steadyMbPerSecond * steadyMs) / 1000) * (1 + spareFraction)
    const volume = await statfs(broker.directory)
    const freeMb = (volume.bavail * volume.bsize) / 1e6
    if (freeMb < neededMb) {
      const [needed, free] = [neededMb, freeMb].map((mb) => `${(mb / 1000).toFixed(1)} GB`)
      measuring.say(`${restartRow} is left out: it needs ${needed} in ${broker.directory}, and ${free} are free`)
      return
    }
    const topic = await measuring.createTopic(broker, restartRow, filledPartitions)
    measuring.say(`${restartRow}: kill -9 as soon as ${filledPartitions} partitions have ${restartMb} MB`)
    await killUnderLoad(measuring, broker, { topic, rate: 0 }, (client) => untilItHas(client, topic, restartMb))
    await broker.startAgain()
    const atOnceMs = await untilAllAnswer(broker, topic)
    const times: number[] = []
    const starts: number[] = []
    const cpu: number[] = []
    for (let kill = 1; kill <= kills; kill += 1) {
      measuring.say(`${restartRow}: kill ${kill} after ${steadyMs / 1000} s with ${steadyMbPerSecond} MB/s`)
      await killUnderLoad(measuring, broker, { topic, rate: steadyMbPerSecond }, () => delay(steadyMs))
      await broker.startAgain()
      starts.push(broker.startMs)
      times.push(await untilAllAnswer(broker, topic))
      cpu.push(cpuMs(broker.pid))
    }
    measuring.note(restartRow, 'start to Produce and Fetch on each', 'ms', median(times), times)
    measuring.note(restartRow, 'broker CPU until then', 'ms', median(cpu), cpu)
    measuring.note(restartRow, 'start to ApiVersions', 'ms', median(starts), starts)
    measuring.note(restartRow, 'killed while it is filled: to Produce and Fetch', 'ms', atOnceMs)
  })
}

async function killUnderLoad(
  { tools, effort }: Measuring,
  broker: Broker,
  { topic, rate }: { topic: string; rate: number },
  until: (client: WireClient) => Promise<void>,
): Promise<void> {
  const messages = messagesIn(effort.restartMb * 10, shape.recordBytes) // it ends with the broker
  const load = startProducing(tools, broker, { topic, shape, messages, batchBytes: effort.batchBytes, rate })
  try {
    await WireClient.with(broker.port, until)
    load.requireRunning()
    await broker.end('SIGKILL')
  } finally {
    await load.stop()
  }
}

async function untilItHas(client: WireClient, topic: string, mb: number): Promise<void> {
  while ((await client.topicBytes(topic, filledPartitions)) < mb * 1e6) await delay(lookEveryMs)
}

/** From the start of the process until one Produce and one Fetch of each partition were answered, in milliseconds. */
async function untilAllAnswer(broker: Broker, topic: string): Promise<number> {
  await WireClient.with(broker.port, async (client) => {
    for (let index = 0; index < filledPartitions; index += 1) {
      await untilServed(() => client.produce(topic, index))
      await untilServed(() => client.fetch(topic, index))
    }
  })
  return performance.now() - broker.startedAtMs
}

/** A clean restart with many partitions, and what they take when nobody asks for them. */
export async function measurePartitions(measuring: Measuring): Promise<void> {
  const { emptyPartitions, starts, settleMs, idleMs } = measuring.effort
  const each = emptyPartitions / emptyTopics
  await measuring.withBroker(async (broker) => {
    measuring.say(`${partitionsRow}: ${emptyPartitions} empty partitions`)
    let topic = ''
    for (let index = 0; index < emptyTopics; index += 1) {
      topic = await measuring.createTopic(broker, `${partitionsRow}-${index}`, each)
    }
    const times: number[] = []
    const cpu: number[] = []
    for (let start = 0; start < starts; start += 1) {
      await broker.end('SIGTERM')
      await broker.startAgain()
      await WireClient.with(broker.port, (client) => untilServed(() => client.produce(topic, each - 1)))
      times.push(performance.now() - broker.startedAtMs)
      cpu.push(cpuMs(broker.pid))
    }
    measuring.note(partitionsRow, 'start to Produce', 'ms', median(times), times)
    measuring.note(partitionsRow, 'broker CPU until then', 'ms', median(cpu), cpu)
    await delay(settleMs)
    const { residentMb, peakMb } = memory(broker.pid)
    measuring.note(partitionsRow, 'resident', 'MB', residentMb)
    measuring.note(partitionsRow, 'highest resident', 'MB', peakMb)
    measuring.note(partitionsRow, 'idle CPU', '% of a core', await cpuPercent(broker.pid, idleMs))
  })
}
