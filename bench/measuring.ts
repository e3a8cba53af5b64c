/** bench: what all rows share: one peer's brokers, topics and figures, and which rows it is measured by. */
import { randomUUID } from 'node:crypto'
import type { Effort } from './effort.ts'
import { type Throughput, type Tools, touchMemory } from './loads.ts'
import type { Broker, Peer, Settings } from './peers.ts'
import { median } from './statistics.ts'
import { WireClient } from './wire-client.ts'

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
  /** Rows that could not be measured. */
  readonly failures: string[] = []
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
    this.tools = context.tools
    this.effort = context.effort
    this.say = (text) => context.say(`${peer.name}: ${text}`)
    this.#rows = this.#served(rows)
  }

  /** Without those that the peer has no figures in, and says which. */
  #served(rows: ReadonlySet<string>): ReadonlySet<string> {
    const served = new Set(rows)
    for (const { rows: pattern, because } of this.peer.leftOut ?? []) {
      const left = [...served].filter((row) => pattern.test(row))
      if (left.length > 0) this.say(`left out, as ${because}: ${left.join(' ')}`)
      for (const row of left) served.delete(row)
    }
    return served
  }

  wants(...rows: string[]): boolean {
    return rows.some((row) => this.#rows.has(row))
  }

  /** Measures a row, if it is wanted. One that fails is said and has no figures; those after it are measured all the same. */
  async row(name: string, measure: () => Promise<void>): Promise<void> {
    if (this.wants(name)) await this.attempt(name, measure)
  }

  /** What several rows need together, or one of them: says how long it took. */
  async attempt(name: string, use: () => Promise<void>): Promise<void> {
    const startMs = performance.now()
    try {
      await use()
    } catch (error) {
      this.failures.push(name)
      this.say(`${name} FAILED: ${error instanceof Error ? error.message : String(error)}`)
    }
    this.say(`${name} took ${((performance.now() - startMs) / 1000).toFixed(1)} s`)
  }

  note(row: string, metric: string, unit: string, value: number, runs?: readonly number[]): void {
    if (this.#rows.has(row)) this.figures.push({ row, metric, unit, value, ...(runs === undefined ? {} : { runs }) })
  }

  noteThroughput(row: string, runs: readonly Throughput[]): void {
    this.noteRuns(row, 'broker CPU', 'ms/MB', runs, (run) => run.cpuMsPerMb)
    this.noteRuns(row, 'throughput', 'MB/s', runs, (run) => run.mbPerSecond)
    if (runs.some((run) => run.clientCpuMsPerMb === undefined)) return
    this.noteRuns(row, 'client CPU', 'ms/MB', runs, (run) => run.clientCpuMsPerMb!)
  }

  /** The median of what `of` makes of each run, and each of them. */
  noteRuns<R>(row: string, metric: string, unit: string, runs: readonly R[], of: (run: R) => number): void {
    const values = runs.map(of)
    this.note(row, metric, unit, median(values), values)
  }

  /** `use` with a broker of its own, stopped and removed afterwards in any case. */
  withBroker(use: (broker: Broker) => Promise<void>, settings: Settings = {}): Promise<void> {
    return this.withBrokers(1, ([broker]) => use(broker!), settings)
  }

  /** For the next run, see README.md, "Memory". */
  touchMemory(): Promise<void> {
    return touchMemory(this.tools, this.effort.touchedMb)
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
