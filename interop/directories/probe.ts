// interop: the runner's side of Probe.java: fills a broker, tells what one serves, and is Apache Kafka 4.3.1 when asked.
import { readFileSync, statSync } from 'node:fs'
import { java } from '../java/client.ts'
import { freePort } from '../scenarios/broker.ts'
import { Client, type Installed } from '../scenarios/client.ts'

/** What a broker serves of one partition; a SHA-256 is over its records as `sha256Of` of the fixture's JSON says. */
export type SeenPartition = {
  logStartOffset: number
  highWatermark: number
  lastStableOffset: number
  /** Of the first record that is handed out; -1 without any. */
  firstOffset: number
  records: number
  sha256: string
  readCommittedRecords: number
  readCommittedSha256: string
}

type Committed = { offset: number; leaderEpoch: number; metadata: string }

export type Seen = {
  partitions: Record<string, SeenPartition>
  /** Configs that a topic has of its own. */
  configs: Record<string, Record<string, string>>
  groups: Record<string, Record<string, Committed>>
}

export type SeenTransaction = {
  state: string
  producerId: number
  epoch: number
  timeoutMs: number
  partitions: string[]
}

type Methods = {
  startKafka(request: { properties: Record<string, string> }): null
  stopKafka(request: Record<string, never>): null
  fill(request: { bootstrap: string }): null
  fillTransactions(request: { bootstrap: string }): null
  fillCompacted(request: { bootstrap: string }): null
  openTransactions(request: { bootstrap: string }): null
  endTransactions(request: Record<string, never>): null
  seeTransactions(request: { bootstrap: string }): Record<string, SeenTransaction>
  append(request: { bootstrap: string; text: string }): null
  see(request: { bootstrap: string; groups: readonly string[] }): Seen
  producerStates(request: {
    bootstrap: string
    topic: string
    partition: number
  }): { producerId: number; epoch: number; lastSequence: number }[]
  fillMetadata(request: { bootstrap: string }): null
  seeMetadata(request: { bootstrap: string }): Record<string, object>
  produce(request: { bootstrap: string; topic: string }): null
}

/** How the one node of the quorum is named to Kafka. */
export type Quorum = 'controller.quorum.voters' | 'controller.quorum.bootstrap.servers'

export class Probe {
  /** Where its JVM's log goes, and with it Kafka's. */
  readonly logFile: string
  readonly #client: Client

  private constructor(client: Client, logFile: string) {
    this.#client = client
    this.logFile = logFile
  }

  static async start(installed: Installed, logDirectory: string): Promise<Probe> {
    const command: typeof java.command = (...given) => {
      const { file, args } = java.command(...given)
      // `kafkaLog` of the scenario reads what Kafka says of the logs that it opens.
      const levels = ['kafka.log.LogManager=info', 'org.apache.kafka.clients=error'].map(
        (level) => `-Dorg.slf4j.simpleLogger.log.${level}`,
      )
      levels.push('-Dorg.slf4j.simpleLogger.defaultLogLevel=warn')
      return { file, args: [...args.slice(0, -2), ...levels, 'Probe'] }
    }
    const client = await Client.start({ ...java, name: 'directories', command }, installed, '', logDirectory)
    return new Probe(client, `${logDirectory}/directories.log`)
  }

  call<M extends keyof Methods>(method: M, request: Parameters<Methods[M]>[0]): Promise<ReturnType<Methods[M]>> {
    // The wire is the clients', the methods are this program's own.
    const call = this.#client.call.bind(this.#client) as (method: string, request: unknown) => Promise<unknown>
    return call(method, request) as Promise<ReturnType<Methods[M]>>
  }

  /** Apache Kafka on a data directory of node 1; the address of its listener. `more`: properties beside the usual. */
  async startKafka(dataDirectory: string, quorum: Quorum, more: Record<string, string> = {}): Promise<string> {
    const properties = { ...(await kafkaProperties(dataDirectory, quorum)), ...more }
    const from = statSync(this.logFile).size
    try {
      await this.call('startKafka', { properties })
    } catch (error) {
      // A fatal fault asks for exit code 1; why stands in its log alone.
      const causes = readFileSync(this.logFile)
        .subarray(from)
        .toString()
        .match(/^Caused by: .*$/gm)
      throw new Error(`${(error as Error).message} (${causes?.at(-1) ?? 'no cause in its log'})`, { cause: error })
    }
    return properties['advertised.listeners']!.replace('PLAINTEXT://', '')
  }

  async stopKafka(): Promise<void> {
    await this.call('stopKafka', {})
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  kill(): void {
    this.#client.kill()
  }
}

export async function kafkaProperties(dataDirectory: string, quorum: Quorum): Promise<Record<string, string>> {
  const [port, controllerPort] = [await freePort(), await freePort()]
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    [quorum]: `${quorum === 'controller.quorum.voters' ? '1@' : ''}localhost:${controllerPort}`,
    listeners: `PLAINTEXT://localhost:${port},CONTROLLER://localhost:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://localhost:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': dataDirectory,
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '3',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '3',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '3',
    'group.initial.rebalance.delay.ms': '0',
  }
}
