/** bench/guard: the fixed work that is done by the broker and, beside it, by the null server. */
import { FrameConnection, fetchFrameOf } from '../frames.ts'
import { type Broker, partitionCount } from '../peers.ts'
import { batchOf, produceErrorAt, produceFrame, WireClient } from '../wire-client.ts'

const batchBytes = 65_536
/** So little that some rounds meet no garbage collection and no other process. */
const batchesPerRound = 64
const onTheirWay = 5
const fetchedBytes = 1_000_000
/** Until there is as much to fetch in each partition. */
const fillingRounds = 2
const fetchesPerRound = 16
const smallRequestsPerRound = 400
const smallRecordBytes = 100

const sizes = { '100b': 100, '1k': 1024 } as const
type Size = keyof typeof sizes

/** One check: what the broker does and what the null server does meanwhile. Each call is the same work again. */
export interface Check {
  readonly name: string
  broker(): Promise<void>
  reference(): Promise<void>
}

/** The checks, on servers that are ready for them. */
export async function checksOf(broker: Broker, nullServer: Broker): Promise<Check[]> {
  await WireClient.with(broker.port, async (client) => {
    for (const name of [...Object.keys(sizes), 'small']) await client.createTopic(name, partitionCount)
  })
  const [connection, reference] = [await FrameConnection.open(broker.port), await FrameConnection.open(nullServer.port)]
  const produce = (on: FrameConnection, size: Size) => producing(on, size, batchOf(sizes[size], batchBytes))
  const names = Object.keys(sizes) as Size[]
  for (let round = 0; round < fillingRounds; round += 1) {
    for (const size of names) for (const on of [connection, reference]) await produce(on, size)()
  }
  return [
    ...names.map((size) => ({
      name: `produce-${size}`,
      broker: produce(connection, size),
      reference: produce(reference, size),
    })),
    ...names.map((size) => ({
      name: `consume-${size}`,
      broker: () => consume(connection, size),
      reference: () => consume(reference, size),
    })),
    { name: 'small-requests', broker: small(connection), reference: small(reference) },
  ]
}

function producing(connection: FrameConnection, topic: string, batch: Buffer): () => Promise<void> {
  const frames = Array.from({ length: partitionCount }, (_, partition) => produceFrame(topic, partition, batch))
  return async () => {
    await connection.send(frames, batchesPerRound, onTheirWay, produceErrorAt(topic))
  }
}

/** From the beginning of each partition. */
async function consume(connection: FrameConnection, topic: string): Promise<void> {
  const frames = Array.from({ length: partitionCount }, (_, partition) =>
    fetchFrameOf(topic, partition, 0, fetchedBytes),
  )
  const bytes = await connection.send(frames, fetchesPerRound, 1)
  if (bytes < fetchesPerRound * fetchedBytes * 0.9) throw new Error(`${topic}: only ${bytes} bytes were fetched`)
}

/** One record, one request at a time: what is done for each request, whatever is in it. */
function small(connection: FrameConnection): () => Promise<void> {
  const topic = 'small'
  const frames = [produceFrame(topic, 0, batchOf(smallRecordBytes))]
  return async () => {
    await connection.send(frames, smallRequestsPerRound, 1, produceErrorAt(topic))
  }
}
