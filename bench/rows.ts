/** bench: the rows of the table: what each measures, and how one peer is measured. */
import { setTimeout as delay } from 'node:timers/promises'
import { groupRowNames, measureGroups } from './group-rows.ts'
import {
  consume,
  consumerPerformance,
  latencies,
  messagesIn,
  produce,
  type Shape,
  type Throughput,
  type Tools,
  touchMemory,
  touchPartitions,
} from './loads.ts'
import { type Effort, type Figure, Measuring } from './measuring.ts'
import { type Broker, type Peer, partitionCount } from './peers.ts'
import { memory } from './process-figures.ts'
import { average, median, percentile } from './statistics.ts'
import { measureStorage, storageRowNames } from './storage-rows.ts'
import { measureTransactions, transactionRowNames } from './transaction-rows.ts'
import { WireClient } from './wire-client.ts'

const shapes = {
  '100b': { recordBytes: 100, acks: '1', codec: 'none' },
  '1k': { recordBytes: 1024, acks: 'all', codec: 'none' },
  '1k-lz4': { recordBytes: 1024, acks: 'all', codec: 'lz4' },
} as const satisfies Record<string, Shape>
type ShapeName = keyof typeof shapes
const shapeNames = Object.keys(shapes) as ShapeName[]

const produceRow = (name: ShapeName) => `produce-${name}`
const consumeRow = (name: ShapeName) => `consume-${name}`
const javaConsumeRow = (name: ShapeName) => `java-consume-${name}`
const throughputRows = shapeNames.flatMap((name) => [produceRow(name), consumeRow(name), javaConsumeRow(name)])
const otherRows = ['round-trip', 'crowd', 'start', 'memory-idle', 'memory-loaded']
export const rowNames = [...throughputRows, ...otherRows, ...groupRowNames, ...transactionRowNames, ...storageRowNames]

/** What a peer that takes Produce only is measured by. */
const producingRows = [...shapeNames.map(produceRow), 'memory-loaded']

const idleConnections = 200
const crowdPartitions = 1000
const crowdWarmUpRounds = 3
/** In the order of the rounds: neither side always goes first. */
const sides = ['alone', 'crowded'] as const

/** One peer's way through the rows. */
export class Measurement extends Measuring {
  constructor(
    peer: Peer,
    rows: ReadonlySet<string>,
    context: { tools: Tools; effort: Effort; say(text: string): void },
  ) {
    const served = peer.isWhole ? rows : new Set(producingRows.filter((row) => rows.has(row)))
    super(peer, served, context)
  }

  async run(): Promise<readonly Figure[]> {
    if (this.peer.isOurs && this.wants('start', 'memory-idle')) await this.#starts()
    if (this.wants(...throughputRows, 'round-trip', 'memory-loaded')) {
      await this.withBroker((broker) => this.#loads(broker))
    }
    if (this.wants('crowd')) await this.#crowd()
    await measureGroups(this)
    await measureTransactions(this)
    await measureStorage(this)
    return this.figures
  }

  async #starts(): Promise<void> {
    const times: number[] = []
    this.say(`${this.effort.starts} starts on an empty directory`)
    for (let index = 0; index < this.effort.starts; index += 1) {
      await this.withBroker(async (broker) => {
        times.push(broker.startMs)
        if (index > 0 || !this.wants('memory-idle')) return
        await delay(this.effort.settleMs)
        this.note('memory-idle', 'resident', 'MB', memory(broker.pid).residentMb)
      })
    }
    this.note('start', 'start to ApiVersions', 'ms', median(times), times)
  }

  async #loads(broker: Broker): Promise<void> {
    await this.#warmUp(broker)
    for (const name of shapeNames) await this.#throughput(broker, name)
    if (this.wants('round-trip')) await this.#roundTrip(broker)
    const { residentMb, peakMb } = memory(broker.pid)
    this.note('memory-loaded', 'resident after load', 'MB', residentMb)
    this.note('memory-loaded', 'resident at most', 'MB', peakMb)
  }

  /** The same loads as are measured, for compilers to learn from: every shape, produced and consumed. */
  async #warmUp(broker: Broker): Promise<void> {
    for (const name of shapeNames.filter((shape) => this.#wantsShape(shape))) {
      this.say(`warm-up ${name}: ${this.effort.warmUpMb} MB`)
      const messages = messagesIn(this.effort.warmUpMb, shapes[name].recordBytes)
      const topic = await this.#produced(broker, name, `${name}-warm-up`, this.effort.warmUpMb).then((run) => run.topic)
      if (this.wants(consumeRow(name))) await consume(this.tools, broker, topic, messages)
      if (this.wants(javaConsumeRow(name))) await consumerPerformance(this.tools, broker, topic, messages)
    }
  }

  #wantsShape(name: ShapeName): boolean {
    return this.wants(produceRow(name), consumeRow(name), javaConsumeRow(name))
  }

  async #produced(broker: Broker, name: ShapeName, topicName: string, mb: number) {
    const topic = await this.createTopic(broker, topicName, partitionCount)
    const messages = messagesIn(mb, shapes[name].recordBytes)
    const load = { topic, shape: shapes[name], messages, batchBytes: this.effort.batchBytes }
    await touchMemory(this.tools)
    return { topic, figures: await produce(this.tools, broker, load) }
  }

  async #throughput(broker: Broker, name: ShapeName): Promise<void> {
    if (!this.#wantsShape(name)) return
    const { loadMb, repeats } = this.effort
    const messages = messagesIn(loadMb, shapes[name].recordBytes)
    const produced: Throughput[] = []
    let topic = ''
    // Rows that only consume need the topic once.
    for (let run = 0; run < (this.wants(produceRow(name)) ? repeats : 1); run += 1) {
      this.say(`${produceRow(name)}, run ${run + 1}`)
      const { topic: filled, figures } = await this.#produced(broker, name, `${name}-${run}`, loadMb)
      topic = filled
      produced.push(figures)
    }
    this.noteThroughput(produceRow(name), produced)
    for (const [row, read] of [
      [consumeRow(name), consume],
      [javaConsumeRow(name), consumerPerformance],
    ] as const) {
      if (!this.wants(row)) continue
      const runs: Throughput[] = []
      for (let run = 0; run < repeats; run += 1) {
        this.say(`${row}, run ${run + 1}`)
        runs.push(await read(this.tools, broker, topic, messages))
      }
      this.noteThroughput(row, runs)
    }
  }

  async #roundTrip(broker: Broker): Promise<void> {
    this.say('round-trip')
    const { latencyMessages: messages } = this.effort
    const warmUp = await this.createTopic(broker, 'round-trip-warm-up', 1)
    await latencies(this.tools, broker, 'round-trip', { topic: warmUp, messages })
    const topic = await this.createTopic(broker, 'round-trip', 1)
    const times = await latencies(this.tools, broker, 'round-trip', { topic, messages })
    this.note('round-trip', 'average', 'µs', average(times))
    this.note('round-trip', 'p99', 'µs', percentile(times, 0.99))
  }

  /**
   * The same one-at-a-time produce to one partition, on a broker with nothing else and on one with idle connections and many
   * partitions, a round on each in turn, so that the machine's moods fall on both. A broker that runs already is measured
   * first without and then with the crowd.
   */
  async #crowd(): Promise<void> {
    const times = { alone: [] as number[], crowded: [] as number[] }
    await this.withBrokers(this.peer.isOurs ? 2 : 1, async ([alone, other]) => {
      this.say(`crowd: ${idleConnections} idle connections, ${crowdPartitions} partitions`)
      const brokers = { alone: alone!, crowded: other ?? alone! }
      const topics = {
        alone: await this.createTopic(brokers.alone, 'alone', 1),
        crowded: await this.createTopic(brokers.crowded, 'crowded', 1),
      }
      const round = async (side: 'alone' | 'crowded') => {
        const load = { topic: topics[side], messages: this.effort.latencyMessages }
        return latencies(this.tools, brokers[side], 'produce-latency', load)
      }
      const warmUp = async (side: 'alone' | 'crowded') => {
        for (let turn = 0; turn < crowdWarmUpRounds; turn += 1) await round(side)
      }
      await warmUp('alone')
      if (other === undefined) for (const _ of this.#rounds()) times.alone.push(...(await round('alone')))
      const idle = await this.#gatherCrowd(brokers.crowded)
      await warmUp('crowded')
      for (const turn of this.#rounds()) {
        if (other === undefined) times.crowded.push(...(await round('crowded')))
        else for (const side of turn % 2 === 0 ? sides : sides.toReversed()) times[side].push(...(await round(side)))
      }
      for (const client of idle) client.close()
    })
    const [alone, crowded] = [percentile(times.alone, 0.99), percentile(times.crowded, 0.99)]
    this.note('crowd', 'p99 with one of each', 'µs', alone)
    this.note('crowd', 'p99 in the crowd', 'µs', crowded)
    this.note('crowd', 'p99 crowd / one of each', '', crowded / alone)
    this.note('crowd', 'median crowd / one of each', '', median(times.crowded) / median(times.alone))
  }

  #rounds(): number[] {
    return Array.from({ length: this.effort.latencyRounds }, (_, round) => round)
  }

  async #gatherCrowd(broker: Broker): Promise<WireClient[]> {
    const topic = await this.createTopic(broker, 'crowd', crowdPartitions)
    await touchPartitions(this.tools, broker, topic)
    const idle: WireClient[] = []
    for (let index = 0; index < idleConnections; index += 1) {
      const client = await WireClient.connect(broker.port)
      await client.apiVersions()
      idle.push(client)
    }
    return idle
  }
}
