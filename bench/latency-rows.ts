/** bench: the rows about one record at a time: how long it is on its way and what it costs, as fast as it goes and paced. */
import { type Appends, appends, latencies } from './loads.ts'
import type { Measuring } from './measuring.ts'
import type { Broker } from './peers.ts'
import { average, percentile } from './statistics.ts'
import { untilServed, WireClient } from './wire-client.ts'

const roundTripRow = 'round-trip'
const syncProduceRow = 'sync-produce'
/** So many a second. */
const paces = [1, 100, 1000] as const
const pacedRow = (rate: number) => `${roundTripRow}-${rate}`
export const latencyRowNames = [roundTripRow, ...paces.map(pacedRow), syncProduceRow]

/** Few are sent when there is one a second, but not fewer. */
const fewestPaced = 3
/** Fewer say nothing about the slowest of a hundred. */
const fewestForP99 = 100

export async function measureLatency(measuring: Measuring, broker: Broker): Promise<void> {
  const { latencyMessages, pacedMs } = measuring.effort
  await measuring.row(roundTripRow, async () => {
    await roundTrips(measuring, broker, { name: `${roundTripRow}-warm-up`, messages: latencyMessages })
    note(
      measuring,
      roundTripRow,
      await roundTrips(measuring, broker, { name: roundTripRow, messages: latencyMessages }),
    )
  })
  for (const rate of paces) {
    const messages = Math.max(fewestPaced, Math.round((pacedMs * rate) / 1000))
    const row = pacedRow(rate)
    await measuring.row(row, async () =>
      note(measuring, row, await roundTrips(measuring, broker, { name: row, messages, rate })),
    )
  }
  await measuring.row(syncProduceRow, () => syncProduce(measuring, broker))
}

async function roundTrips(
  measuring: Measuring,
  broker: Broker,
  { name, ...load }: { readonly name: string; readonly messages: number; readonly rate?: number },
) {
  const topic = await measuring.createTopic(broker, name, 1)
  return latencies(measuring.tools, broker, 'round-trip', { topic, ...load })
}

function note(measuring: Measuring, row: string, { timesUs, cpuUsEach }: Awaited<ReturnType<typeof latencies>>): void {
  measuring.note(row, 'average', 'µs', average(timesUs))
  if (timesUs.length >= fewestForP99) measuring.note(row, 'p99', 'µs', percentile(timesUs, 0.99))
  measuring.note(row, 'broker CPU', 'µs each', cpuUsEach)
}

/** One connection with one request on its way, sent by a client that does nothing else. */
async function syncProduce(measuring: Measuring, broker: Broker): Promise<void> {
  const { tools, effort } = measuring
  const topic = await measuring.createTopic(broker, syncProduceRow, 1)
  await WireClient.with(broker.port, (client) => untilServed(() => client.produce(topic, 0)))
  const load = { topic, partitions: 1, connections: 1, recordBytes: 100, ms: effort.appendsMs }
  await appends(tools, broker, load) // for the compilers
  const runs: Appends[] = []
  for (let run = 0; run < effort.repeats; run += 1) runs.push(await appends(tools, broker, load))
  measuring.noteRuns(syncProduceRow, 'acknowledged', '1/s', runs, (run) => run.perSecond)
  measuring.noteRuns(syncProduceRow, 'broker CPU', 'µs each', runs, (run) => run.cpuUsEach)
}
