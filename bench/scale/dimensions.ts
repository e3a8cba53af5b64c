/** bench/scale: what is made more of, and how: what a restart keeps, and what has to come anew after it. */
import path from 'node:path'
import { ClassicMember } from '../group-members.ts'
import type { Broker } from '../peers.ts'
import { untilServed, WireClient } from '../wire-client.ts'
import { layLog, segmentBytes } from './sparse-logs.ts'

export interface Dimension {
  readonly unit: string
  readonly counts: readonly number[]
  /** Broker configs. */
  readonly settings?: Readonly<Record<string, string>>
  /** Makes it `to` of `from`, on a broker that runs. */
  grow?(broker: Broker, from: number, to: number): Promise<void>
  /** The same in the files of one that is stopped. */
  lay?(broker: Broker, to: number): void
  /** What a broker that was restarted has to be given. @returns what takes it away at the end of a point */
  attend?(broker: Broker, count: number): Promise<() => Promise<void>>
}

const topicPartitions = 1000
const logPartitions = 10
const logTopic = 'large'
const groupTopic = 'grouped'
const connectedAtOnce = 100

const partitions: Dimension = {
  unit: 'partitions',
  counts: [100, 1000, 3000, 10_000],
  async grow(broker, from, to) {
    await WireClient.with(broker.port, async (client) => {
      for (let made = from; made < to; made += topicPartitions) {
        await client.createTopic(`many-${made}`, Math.min(topicPartitions, to - made))
      }
    })
  },
}

const connections: Dimension = {
  unit: 'connections',
  counts: [100, 1000, 2500, 5000],
  async attend(broker, count) {
    const clients = await connected(broker, count)
    return async () => closeAll(clients)
  },
}

const logSize: Dimension = {
  unit: 'GB of log',
  counts: [10, 20, 50, 100],
  async grow(broker, from) {
    if (from > 0) return
    await WireClient.with(broker.port, async (client) => {
      await client.createTopic(logTopic, logPartitions, { 'segment.bytes': String(segmentBytes) })
      for (let index = 0; index < logPartitions; index += 1) await untilServed(() => client.produce(logTopic, index))
    })
  },
  lay(broker, to) {
    const segments = Math.round((to * 1e9) / segmentBytes / logPartitions)
    for (let index = 0; index < logPartitions; index += 1) {
      layLog(path.join(broker.directory, 'data', `${logTopic}-${index}`), segments)
    }
  },
  /** Nothing to attend to, but what was laid has to be what is served. */
  async attend(broker, count) {
    const bytes = await WireClient.with(broker.port, (client) => client.topicBytes(logTopic, logPartitions))
    if (bytes < 0.9 * count * 1e9) throw new Error(`the broker has ${bytes} bytes of the ${count} GB that were laid`)
    return async () => undefined
  },
}

const groups: Dimension = {
  unit: 'groups',
  counts: [10, 100, 300, 1000],
  settings: { 'group.initial.rebalance.delay.ms': '0' },
  async grow(broker, from) {
    if (from === 0) await WireClient.with(broker.port, (client) => client.createTopic(groupTopic, 1))
  },
  /** A member each, on a connection of its own. */
  async attend(broker, count) {
    await WireClient.with(broker.port, (client) => untilServed(() => client.findGroupCoordinator('any')))
    const clients = await connected(broker, count)
    const members = clients.map((client, index) => new ClassicMember(client, `group-${index}`, groupTopic))
    for (const member of members) await member.join()
    return async () => {
      for (const member of members) await member.leave()
      closeAll(clients)
    }
  },
}

export const dimensions: readonly Dimension[] = [partitions, connections, logSize, groups]

async function connected(broker: Broker, count: number): Promise<WireClient[]> {
  const clients: WireClient[] = []
  while (clients.length < count) {
    const coming = Array.from({ length: Math.min(connectedAtOnce, count - clients.length) }, async () => {
      const client = await WireClient.connect(broker.port)
      await client.apiVersions()
      return client
    })
    clients.push(...(await Promise.all(coming)))
  }
  return clients
}

function closeAll(clients: readonly WireClient[]): void {
  for (const client of clients) client.close()
}
