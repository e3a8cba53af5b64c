/** bench: how fast a broker is back: after kill -9 with much data, and after a clean stop with many partitions. */
import { statfs } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { messagesIn, startProducing } from './loads.ts'
import type { Measuring } from './measuring.ts'
import type { Broker } from './peers.ts'
import { memory } from './process-figures.ts'
import { median } from './statistics.ts'
import { untilServed, WireClient } from './wire-client.ts'

export const restartRow = 'restart-10gb'
export const partitionsRow = 'partitions-10k'

const shape = { recordBytes: 1024, acks: 'all', codec: 'none' } as const
const filledPartitions = 100
/** What is written between two kills. */
const againMb = 1000
/** Side files, and what comes between two looks at the size. */
const spareFraction = 0.2
const lookEveryMs = 200
const emptyTopics = 10

/** Kills it under load as soon as it has so much, and lets it come back, several times. */
export async function measureRestart(measuring: Measuring): Promise<void> {
  if (!measuring.wants(restartRow)) return
  const { restartMb, kills } = measuring.effort
  await measuring.withBroker(async (broker) => {
    const neededMb = (restartMb + (kills - 1) * againMb) * (1 + spareFraction)
    const volume = await statfs(broker.directory)
    const freeMb = (volume.bavail * volume.bsize) / 1e6
    if (freeMb < neededMb) {
      const [needed, free] = [neededMb, freeMb].map((mb) => `${(mb / 1000).toFixed(1)} GB`)
      measuring.say(`${restartRow} is left out: it needs ${needed} in ${broker.directory}, and ${free} are free`)
      return
    }
    const topic = await measuring.createTopic(broker, restartRow, filledPartitions)
    const times: number[] = []
    const starts: number[] = []
    for (let kill = 0; kill < kills; kill += 1) {
      const mb = restartMb + kill * againMb
      measuring.say(`${restartRow}: kill -9 at ${mb} MB in ${filledPartitions} partitions`)
      await fillAndKill(measuring, broker, topic, mb)
      await broker.startAgain()
      starts.push(broker.startMs)
      times.push(await untilAllAnswer(broker, topic))
    }
    measuring.note(restartRow, 'start to Produce and Fetch on each', 'ms', median(times), times)
    measuring.note(restartRow, 'start to ApiVersions', 'ms', median(starts), starts)
  })
}

async function fillAndKill(measuring: Measuring, broker: Broker, topic: string, mb: number): Promise<void> {
  const { tools, effort } = measuring
  const messages = messagesIn(mb * 2, shape.recordBytes) // it ends with the broker
  const load = startProducing(tools, broker, { topic, shape, messages, batchBytes: effort.batchBytes })
  try {
    await WireClient.with(broker.port, async (client) => {
      while ((await client.topicBytes(topic, filledPartitions)) < mb * 1e6) {
        load.requireRunning()
        await delay(lookEveryMs)
      }
    })
    await broker.end('SIGKILL')
  } finally {
    await load.stop()
  }
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

/** Kafka takes minutes to make so many partitions, and preallocates their indexes: it is left out. */
export async function measurePartitions(measuring: Measuring): Promise<void> {
  if (!measuring.wants(partitionsRow)) return
  if (measuring.peer.name === 'kafka') {
    measuring.say(`${partitionsRow} is left out: making the partitions takes too long`)
    return
  }
  const { emptyPartitions, starts, settleMs } = measuring.effort
  const each = emptyPartitions / emptyTopics
  await measuring.withBroker(async (broker) => {
    measuring.say(`${partitionsRow}: ${emptyPartitions} empty partitions`)
    let topic = ''
    for (let index = 0; index < emptyTopics; index += 1) {
      topic = await measuring.createTopic(broker, `${partitionsRow}-${index}`, each)
    }
    const times: number[] = []
    for (let start = 0; start < starts; start += 1) {
      await broker.end('SIGTERM')
      await broker.startAgain()
      await WireClient.with(broker.port, (client) => untilServed(() => client.produce(topic, each - 1)))
      times.push(performance.now() - broker.startedAtMs)
    }
    measuring.note(partitionsRow, 'start to Produce', 'ms', median(times), times)
    await delay(settleMs)
    const { residentMb, peakMb } = memory(broker.pid)
    measuring.note(partitionsRow, 'resident', 'MB', residentMb)
    measuring.note(partitionsRow, 'highest resident', 'MB', peakMb)
  })
}
