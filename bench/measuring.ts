/** bench: what all rows share: how much is done, and one peer's brokers, topics and figures. */
import { randomUUID } from 'node:crypto'
import type { Throughput, Tools } from './loads.ts'
import type { Broker, Peer, Settings } from './peers.ts'
import { median } from './statistics.ts'
import { WireClient } from './wire-client.ts'

export interface Effort {
  /** Payload of one run. */
  readonly loadMb: number
  readonly repeats: number
  /** Payload of each shape that goes through a broker before anything is measured. */
  readonly warmUpMb: number
  readonly batchBytes: number
  readonly latencyMessages: number
  readonly latencyRounds: number
  readonly starts: number
  readonly settleMs: number
  /** Payload of cold-read. */
  readonly coldMb: number
  /** How long appends are counted. */
  readonly appendsMs: number
  /** Payload of restart-10gb at the first kill. */
  readonly restartMb: number
  readonly kills: number
  readonly emptyPartitions: number
  readonly compactionMb: number
  /** How long members of groups are watched that only heartbeat. */
  readonly heartbeatsMs: number
  readonly rebalances: number
  /** How long transactions follow each other in one run. */
  readonly transactionsMs: number
}

export const fullEffort: Effort = {
  loadMb: 400,
  repeats: 5,
  warmUpMb: 800,
  batchBytes: 65_536,
  latencyMessages: 3000,
  latencyRounds: 10,
  starts: 7,
  settleMs: 5000,
  coldMb: 2000,
  appendsMs: 5000,
  restartMb: 10_000,
  kills: 3,
  emptyPartitions: 10_000,
  compactionMb: 1000,
  heartbeatsMs: 60_000,
  rebalances: 9,
  transactionsMs: 10_000,
}

export const quickEffort: Effort = {
  ...fullEffort,
  loadMb: 100,
  repeats: 1,
  warmUpMb: 400,
  latencyMessages: 500,
  latencyRounds: 4,
  starts: 3,
  settleMs: 2000,
  coldMb: 500,
  appendsMs: 3000,
  restartMb: 1000,
  kills: 1,
  compactionMb: 250,
  heartbeatsMs: 15_000,
  rebalances: 5,
  transactionsMs: 4000,
}

export interface Figure {
  readonly row: string
  readonly metric: string
  readonly unit: string
  readonly value: number
  /** What it was made from, where there were several runs. */
  readonly runs?: readonly number[]
}

/** One peer that is measured: brokers are started, topics made and figures noted through it. */
export class Measuring {
  readonly peer: Peer
  readonly tools: Tools
  readonly effort: Effort
  readonly say: (text: string) => void
  readonly figures: Figure[] = []
  readonly #rows: ReadonlySet<string>
  /** Topics of one run do not meet those of another on a broker that runs on. */
  readonly #prefix = `bench-${randomUUID().slice(0, 8)}`
  readonly #topics: string[] = []

  constructor(
    peer: Peer,
    rows: ReadonlySet<string>,
    context: { tools: Tools; effort: Effort; say(text: string): void },
  ) {
    this.peer = peer
    this.#rows = rows
    this.tools = context.tools
    this.effort = context.effort
    this.say = (text) => context.say(`${peer.name}: ${text}`)
  }

  wants(...rows: string[]): boolean {
    return rows.some((row) => this.#rows.has(row))
  }

  note(row: string, metric: string, unit: string, value: number, runs?: readonly number[]): void {
    if (this.#rows.has(row)) this.figures.push({ row, metric, unit, value, ...(runs === undefined ? {} : { runs }) })
  }

  noteThroughput(row: string, runs: readonly Throughput[]): void {
    const note = (metric: string, unit: string, values: number[]) =>
      this.note(row, metric, unit, median(values), values)
    note(
      'broker CPU',
      'ms/MB',
      runs.map((run) => run.cpuMsPerMb),
    )
    note(
      'throughput',
      'MB/s',
      runs.map((run) => run.mbPerSecond),
    )
    const clientCpu = runs.flatMap((run) => (run.clientCpuMsPerMb === undefined ? [] : [run.clientCpuMsPerMb]))
    if (clientCpu.length > 0) note('client CPU', 'ms/MB', clientCpu)
  }

  /** `use` with a broker of its own, stopped and removed afterwards in any case. */
  withBroker(use: (broker: Broker) => Promise<void>, settings: Settings = {}): Promise<void> {
    return this.withBrokers(1, ([broker]) => use(broker!), settings)
  }

  async withBrokers(count: number, use: (brokers: Broker[]) => Promise<void>, settings: Settings = {}): Promise<void> {
    const brokers: Broker[] = []
    try {
      for (let index = 0; index < count; index += 1) brokers.push(await this.peer.start(settings))
      await use(brokers)
      for (const broker of brokers) this.#noteComplaints(broker)
      if (!this.peer.isOurs) await this.#clearAway(brokers[0]!)
    } finally {
      await Promise.all(brokers.map((broker) => broker.stop()))
    }
  }

  /** Returns the whole name. */
  async createTopic(broker: Broker, name: string, partitions: number, configs: Settings = {}): Promise<string> {
    const topic = `${this.#prefix}-${name}`
    if (!this.peer.isWhole) return topic
    await WireClient.with(broker.port, (client) => client.createTopic(topic, partitions, configs))
    this.#topics.push(topic)
    return topic
  }

  /** Figures of a broker that fails requests are not worth much: say so. */
  #noteComplaints(broker: Broker): void {
    const { lines, last } = broker.complaints()
    if (lines > 0) this.say(`WARNING: it logged ${lines} lines under load, the last: ${last.slice(0, 600)}`)
  }

  async #clearAway(broker: Broker): Promise<void> {
    await WireClient.with(broker.port, (client) => client.deleteTopics(this.#topics.splice(0)))
  }
}
