/** bench: the rows about connections that cause no load to speak of: consumers with nothing to read, and clients that only stay. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Measuring } from './measuring.ts'
import { type Broker, partitionCount } from './peers.ts'
import { cpuPercent, memory } from './process-figures.ts'
import { untilServed, WireClient } from './wire-client.ts'

const idleConsumersRow = 'idle-consumers'
const connectionsRow = 'memory-5000-connections'
export const connectionRowNames = [idleConsumersRow, connectionsRow]

const idleConsumers = 1000
const connections = 5000
/** What clients ask for if they are not told otherwise. */
const maxWaitMs = 500
const warmUpMs = 2000

export async function measureConnections(measuring: Measuring): Promise<void> {
  await measuring.row(idleConsumersRow, () => measuring.withBroker((broker) => consumersWaiting(measuring, broker)))
  await measuring.row(connectionsRow, () => measuring.withBroker((broker) => connectionsOpen(measuring, broker)))
}

/** Each waits at the end of one of the topic's partitions with one Fetch after the other, spread over the wait. */
async function consumersWaiting(measuring: Measuring, broker: Broker): Promise<void> {
  const topic = await measuring.createTopic(broker, idleConsumersRow, partitionCount)
  const clients = await WireClient.many(broker.port, idleConsumers)
  for (let index = 0; index < partitionCount; index += 1) await untilServed(() => clients[0]!.fetch(topic, index))
  let isOver = false
  let fetches = 0
  const loops = clients.map(async (client, index) => {
    await delay((index / idleConsumers) * maxWaitMs)
    while (!isOver) {
      const errorCode = await client.fetch(topic, index % partitionCount, { maxWaitMs, minBytes: 1 })
      if (errorCode !== 0) throw new Error(`Fetch answered error ${errorCode}`)
      fetches += 1
    }
  })
  const waiting = Promise.all(loops)
  waiting.catch(() => undefined) // thrown below
  await delay(warmUpMs)
  const [fetchesBefore, startMs] = [fetches, performance.now()]
  const percent = await cpuPercent(broker.pid, measuring.effort.idleMs)
  const perSecond = ((fetches - fetchesBefore) * 1000) / (performance.now() - startMs)
  const { residentMb } = memory(broker.pid)
  isOver = true
  await waiting
  measuring.note(idleConsumersRow, 'broker CPU of one core', '%', percent)
  measuring.note(idleConsumersRow, 'fetches', '1/s', perSecond)
  measuring.note(idleConsumersRow, 'resident', 'MB', residentMb)
  for (const client of clients) client.close()
}

async function connectionsOpen(measuring: Measuring, broker: Broker): Promise<void> {
  await delay(measuring.effort.settleMs)
  const before = memory(broker.pid).residentMb
  const clients = await WireClient.many(broker.port, connections)
  await delay(measuring.effort.settleMs)
  const { residentMb } = memory(broker.pid)
  measuring.note(connectionsRow, 'resident', 'MB', residentMb)
  measuring.note(connectionsRow, 'each', 'kB', ((residentMb - before) * 1000) / connections)
  for (const client of clients) client.close()
}
