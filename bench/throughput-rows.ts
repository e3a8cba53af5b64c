/** bench: the rows about bulk: what producing and consuming as fast as it goes costs, in each shape that records come in. */
import { consume, consumerPerformance, messagesIn, produce, type Shape, type Throughput } from './loads.ts'
import type { Measuring } from './measuring.ts'
import { type Broker, partitionCount } from './peers.ts'

interface Bulk {
  readonly shape: Shape
  readonly partitions?: number
  readonly producers?: number
}

const kilobyte = { recordBytes: 1024, acks: 'all', codec: 'none' } as const
/** Two sizes and the base, and what differs from the base by one thing each. */
const bulks = {
  '100b': { shape: { recordBytes: 100, acks: '1', codec: 'none' } },
  '1k': { shape: kilobyte },
  '10k': { shape: { ...kilobyte, recordBytes: 10_240 } },
  '1k-acks-0': { shape: { ...kilobyte, acks: '0' } },
  '1k-acks-1': { shape: { ...kilobyte, acks: '1' } },
  '1k-idempotent': { shape: { ...kilobyte, isIdempotent: true } },
  '1k-gzip': { shape: { ...kilobyte, codec: 'gzip' } },
  '1k-snappy': { shape: { ...kilobyte, codec: 'snappy' } },
  '1k-lz4': { shape: { ...kilobyte, codec: 'lz4' } },
  '1k-zstd': { shape: { ...kilobyte, codec: 'zstd' } },
  '1k-1-partition': { shape: kilobyte, partitions: 1 },
  '1k-100-partitions': { shape: kilobyte, partitions: 100 },
  '1k-20-producers': { shape: kilobyte, producers: 20 },
} as const satisfies Record<string, Bulk>
type BulkName = keyof typeof bulks
const bulkNames = Object.keys(bulks) as BulkName[]

interface Reading {
  readonly row: string
  readonly of: BulkName
  read(measuring: Measuring, broker: Broker, load: { topic: string; messages: number }): Promise<Throughput>
}

const librdkafka = ({ tools }: Measuring, broker: Broker, load: { topic: string; messages: number }) =>
  consume(tools, broker, load)
const javaClient = ({ tools }: Measuring, broker: Broker, load: { topic: string; messages: number }) =>
  consumerPerformance(tools, broker, load.topic, load.messages)

const readings: readonly Reading[] = [
  ...(['100b', '1k', '10k', '1k-lz4'] as const).map((of) => ({ row: `consume-${of}`, of, read: librdkafka })),
  {
    row: 'consume-1k-10-consumers',
    of: '1k',
    read: ({ tools }, broker, load) => consume(tools, broker, { ...load, consumers: 10 }),
  },
  ...(['100b', '1k', '1k-lz4'] as const).map((of) => ({ row: `java-consume-${of}`, of, read: javaClient })),
]

const produceRow = (name: BulkName) => `produce-${name}`
export const throughputRowNames = bulkNames.flatMap((name) => [
  produceRow(name),
  ...readings.filter(({ of }) => of === name).map(({ row }) => row),
])

/** All of them on one broker, warmed up by the same loads as are measured. */
export async function measureThroughput(measuring: Measuring, broker: Broker): Promise<void> {
  const wanted = bulkNames.filter((name) =>
    measuring.wants(produceRow(name), ...readingsOf(measuring, name).map(rowOf)),
  )
  await measuring.attempt('warm-up', async () => {
    for (const name of wanted) await warmUp(measuring, broker, name)
  })
  for (const name of wanted) await throughput(measuring, broker, name)
}

const rowOf = ({ row }: Reading) => row

function readingsOf(measuring: Measuring, name: BulkName): readonly Reading[] {
  return readings.filter(({ row, of }) => of === name && measuring.wants(row))
}

async function warmUp(measuring: Measuring, broker: Broker, name: BulkName): Promise<void> {
  const { warmUpMb, variationWarmUpMb } = measuring.effort
  const mb = readings.some(({ of }) => of === name) ? warmUpMb : variationWarmUpMb
  if (mb === 0) return
  const { topic } = await filled(measuring, broker, name, { run: 'warm-up', mb })
  for (const { read } of readingsOf(measuring, name)) {
    await read(measuring, broker, { topic, messages: messagesIn(mb, bulks[name].shape.recordBytes) })
  }
}

/** A new topic with so much in it, and what producing that took. */
async function filled(measuring: Measuring, broker: Broker, name: BulkName, { run, mb }: { run: string; mb: number }) {
  const { shape, partitions = partitionCount, producers = 1 }: Bulk = bulks[name]
  const topic = await measuring.createTopic(broker, `${name}-${run}`, partitions)
  const fence = shape.acks === '0' ? { fence: await measuring.createTopic(broker, `${name}-${run}-fence`, 1) } : {}
  const messages = messagesIn(mb, shape.recordBytes)
  await measuring.touchMemory()
  const load = { topic, shape, messages, batchBytes: measuring.effort.batchBytes, producers, ...fence }
  return { topic, figures: await produce(measuring.tools, broker, load) }
}

async function throughput(measuring: Measuring, broker: Broker, name: BulkName): Promise<void> {
  const { loadMb: mb, repeats } = measuring.effort
  let topic = ''
  await measuring.row(produceRow(name), async () => {
    const produced: Throughput[] = []
    for (let run = 0; run < repeats; run += 1) {
      const { topic: latest, figures } = await filled(measuring, broker, name, { run: String(run), mb })
      topic = latest
      produced.push(figures)
    }
    measuring.noteThroughput(produceRow(name), produced)
  })
  const messages = messagesIn(mb, bulks[name].shape.recordBytes)
  for (const { row, read } of readingsOf(measuring, name)) {
    await measuring.row(row, async () => {
      if (topic === '') topic = (await filled(measuring, broker, name, { run: 'to-read', mb })).topic
      const runs: Throughput[] = []
      for (let run = 0; run < repeats; run += 1) runs.push(await read(measuring, broker, { topic, messages }))
      measuring.noteThroughput(row, runs)
    })
  }
}
