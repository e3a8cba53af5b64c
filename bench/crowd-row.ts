/** bench: whether many partitions and connections with nothing to do slow down one that has. */
import { latencies, touchPartitions } from './loads.ts'
import type { Measuring } from './measuring.ts'
import type { Broker } from './peers.ts'
import { median, percentile } from './statistics.ts'
import { WireClient } from './wire-client.ts'

export const crowdRow = 'crowd'

const idleConnections = 200
const crowdPartitions = 1000
const warmUpRounds = 3
/** In the order of the rounds: neither side always goes first. */
const sides = ['alone', 'crowded'] as const
type Side = (typeof sides)[number]

/**
 * The same one-at-a-time produce to one partition, on a broker with nothing else and on one with idle connections and many
 * partitions, a round on each in turn, so that the machine's moods fall on both. A broker that runs already is measured
 * first without and then with the crowd.
 */
export async function measureCrowd(measuring: Measuring): Promise<void> {
  await measuring.row(crowdRow, async () => {
    const times = { alone: [] as number[], crowded: [] as number[] }
    await measuring.withBrokers(measuring.peer.isOurs ? 2 : 1, (brokers) => rounds(measuring, brokers, times))
    const [alone, crowded] = [percentile(times.alone, 0.99), percentile(times.crowded, 0.99)]
    measuring.note(crowdRow, 'p99 with one of each', 'µs', alone)
    measuring.note(crowdRow, 'p99 in the crowd', 'µs', crowded)
    measuring.note(crowdRow, 'p99 crowd / one of each', '', crowded / alone)
    measuring.note(crowdRow, 'median crowd / one of each', '', median(times.crowded) / median(times.alone))
  })
}

async function rounds(measuring: Measuring, [alone, other]: Broker[], times: Record<Side, number[]>): Promise<void> {
  const { tools, effort } = measuring
  const brokers = { alone: alone!, crowded: other ?? alone! }
  const topics = {
    alone: await measuring.createTopic(brokers.alone, 'alone', 1),
    crowded: await measuring.createTopic(brokers.crowded, 'crowded', 1),
  }
  const round = async (side: Side) => {
    const load = { topic: topics[side], messages: effort.latencyMessages }
    return (await latencies(tools, brokers[side], 'produce-latency', load)).timesUs
  }
  const warmUp = async (side: Side) => {
    for (let turn = 0; turn < warmUpRounds; turn += 1) await round(side)
  }
  const turns = Array.from({ length: effort.latencyRounds }, (_, turn) => turn)
  await warmUp('alone')
  if (other === undefined) for (const _ of turns) times.alone.push(...(await round('alone')))
  const idle = await gather(measuring, brokers.crowded)
  await warmUp('crowded')
  for (const turn of turns) {
    if (other === undefined) times.crowded.push(...(await round('crowded')))
    else for (const side of turn % 2 === 0 ? sides : sides.toReversed()) times[side].push(...(await round(side)))
  }
  for (const client of idle) client.close()
}

async function gather(measuring: Measuring, broker: Broker): Promise<WireClient[]> {
  measuring.say(`${crowdRow}: ${idleConnections} idle connections, ${crowdPartitions} partitions`)
  const topic = await measuring.createTopic(broker, crowdRow, crowdPartitions)
  await touchPartitions(measuring.tools, broker, topic)
  return WireClient.many(broker.port, idleConnections)
}
