// interop: three brokers of one process, of which each is stopped and started in turn, and whose leaders and coordinators move, under
// idempotent producers and group members. What is in the log is there once, and each group is handed all of it.
import type { RunningBroker, startBroker } from '../../src/broker.ts'
import { quickHeartbeats } from './broker.ts'
import { Client, type ClientDescription, type Installed } from './client.ts'
import { assert, assertEqual } from './report.ts'
import { checkClient, eventually, type Run, text } from './run.ts'

/** What the runner has besides the run. */
export type Surroundings = {
  root: string
  directory: string
  installed: Installed
  running: { kill(): void }[]
  descriptions: readonly ClientDescription[]
}

/** Those that survive brokers that come and go. */
const names = ['kafkajs', 'node-rdkafka', 'java']
const partitions = 3
const recordsPerCall = 20
/** Each client has written so much before and after every change. */
const callsBetween = 5
const limitMs = 90_000

/** One client that writes all the time, and its member that reads. */
class Load {
  readonly client: Client
  readonly topic: string
  readonly member: string
  readonly group: string
  acknowledged = 0
  calls = 0
  failure: Error | undefined
  #isDone = false
  #writing: Promise<void> = Promise.resolve()

  constructor(client: Client) {
    this.client = client
    this.topic = `three-${client.name}`
    this.member = `${this.topic}-member`
    this.group = `${this.topic}-group`
  }

  async start(hands: Client): Promise<void> {
    await hands.call('createTopic', { topic: this.topic, partitions, replicationFactor: 2 })
    const { topic, group, member } = this
    await this.client.call('join', { group, topic, member, assignor: this.client.description.assignors[0]! })
    this.#writing = this.#write().catch((error) => {
      this.failure = error as Error
    })
  }

  /** One partition a call: kafkajs forgets what moves to a broker that has answered already (kafkajs/FINDINGS.md). */
  async #write(): Promise<void> {
    while (!this.#isDone) {
      const partition = this.calls % partitions
      const records = Array.from({ length: recordsPerCall }, (_, index) => ({
        partition,
        key: null,
        value: text(`record-${this.acknowledged + index}`),
        headers: [],
      }))
      await this.client.call('produce', { topic: this.topic, codec: 'none', idempotent: true, records }, limitMs)
      this.acknowledged += recordsPerCall
      this.calls += 1
    }
  }

  async stop(): Promise<void> {
    this.#isDone = true
    await this.#writing
  }

  async more(): Promise<void> {
    const wanted = this.calls + callsBetween
    await eventually(
      async () => this.calls,
      (calls) => calls >= wanted || this.failure !== undefined,
      `calls of ${this.client.name}`,
      limitMs,
    )
    if (this.failure !== undefined) throw this.failure
  }

  /** The values in the log, partition by partition. */
  async stored(hands: Client): Promise<string[]> {
    const offsets = await hands.call('topicOffsets', { topic: this.topic })
    const count = offsets.reduce((sum, { high }) => sum + high, 0)
    const read = await hands.call('consume', { topic: this.topic, partitions, count })
    return read.map(({ value }) => Buffer.from(value ?? '', 'base64').toString())
  }

  async received(): Promise<string[]> {
    const received = await this.client.call('received', { member: this.member })
    return received.map((each) => each.slice(each.indexOf(':') + 1))
  }
}

export async function threeBrokers(run: Run, surroundings: Surroundings): Promise<void> {
  const { root, directory, installed, running, descriptions } = surroundings
  const wanted = run.clients.map(({ name }) => name).filter((name) => names.includes(name))
  if (wanted.length === 0) return
  const library = (await import(`${root}/dist/broker.js`)) as { startBroker: typeof startBroker }
  const errors: string[] = []
  const note = (_fields: object, message: string): void => void errors.push(message)
  const cluster = await library.startBroker({
    port: 0,
    brokers: 3,
    dataDir: `${directory}/three-brokers`,
    settings: Object.fromEntries(quickHeartbeats.map((setting) => setting.split('=') as [string, string])),
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: note },
  })
  const clients: Client[] = []
  const start = async (name: string, as = name): Promise<Client> => {
    const description = descriptions.find((each) => each.name === name)!
    const logs = `${directory}/three-brokers`
    const client = await Client.start({ ...description, name: as }, installed, cluster.bootstrapServers, logs)
    running.push(client)
    clients.push(client)
    return client
  }
  try {
    const hands = await start('kafkajs', 'hands')
    const loads = await Promise.all(wanted.map(async (name) => new Load(await start(name))))
    await Promise.all(loads.map((load) => load.start(hands)))
    await roll(run, cluster, loads)
    await Promise.all(loads.map((load) => load.stop()))
    for (const load of loads) await compare(run, hands, load)
    await Promise.all(loads.map(({ client, member }) => client.call('leave', { member }).catch(() => null)))
    const tools = clients.find((client) => client.can('tool'))
    if (tools !== undefined) await eligibleLeaders(run, cluster, tools)
  } finally {
    await Promise.all(clients.map((client) => client.close()))
    await cluster.close()
  }
  await run.report.check('all', 'three brokers log no error', async () => assertEqual(errors, [], 'errors'))
}

async function roll(run: Run, cluster: RunningBroker, loads: readonly Load[]): Promise<void> {
  const more = () => Promise.all(loads.map((load) => load.more()))
  await more()
  for (const broker of cluster.brokers) {
    await run.report.check(
      'all',
      `writes on while broker ${broker.id} of three is stopped, and started again`,
      async () => {
        await broker.stop()
        await more()
        await broker.start()
        await more()
      },
    )
  }
  await run.report.check('all', 'writes on while leaders and coordinators move', async () => {
    for (const { topic, group } of loads) {
      for (let partition = 0; partition < partitions; partition++) {
        // Two of the three have a replica.
        for (const { id } of cluster.brokers) await cluster.moveLeader(topic, partition, id).catch(noReplica)
      }
      for (const { id } of cluster.brokers) await cluster.moveCoordinator({ groupId: group }, id)
    }
    await more()
  })
  await run.report.check('all', 'writes on while a broker is isolated, and back', async () => {
    await cluster.isolate(cluster.brokers[0]!.id)
    await more()
    await cluster.rejoin(cluster.brokers[0]!.id)
    await more()
  })
}

function noReplica(error: Error): void {
  assert(/its replicas are on/.test(error.message), error.message)
}

/** What Kafka 4.3.1 shows of three brokers that are stopped and started in the same order. */
async function eligibleLeaders(run: Run, cluster: RunningBroker, client: Client): Promise<void> {
  const topic = 'three-eligible'
  const ask = async (...args: string[]): Promise<string[]> => {
    const all = ['--bootstrap-server', cluster.bootstrapServers, '--topic', topic, ...args]
    const { exit, stdout, stderr } = await client.call('tool', {
      class: 'org.apache.kafka.tools.TopicCommand',
      args: all,
    })
    assertEqual(exit, 0, `exit status, ${stderr}`)
    return stdout.split('\n').filter((line) => line.includes('Leader:'))
  }
  const shows = async (what: string, expected: string, change: () => Promise<unknown>): Promise<void> => {
    await checkClient(run, client, `TopicCommand: eligible leaders: ${what}`, async () => {
      await change()
      const [line = ''] = await ask('--describe')
      assertEqual(
        line
          .replace(/^.*(?=Leader:)/, '')
          .replaceAll(/\s+/g, ' ')
          .trim(),
        expected,
        'partition',
      )
    })
  }
  const broker = (id: number) => cluster.broker(id)
  await ask('--create', '--replica-assignment', '1:2:3', '--config', 'min.insync.replicas=2')
  const of = (leader: string, isr: string, elr = '', last = '') =>
    `Leader: ${leader} Replicas: 1,2,3 Isr: ${isr} Elr: ${elr} LastKnownElr: ${last}`.replaceAll('  ', ' ').trim()
  await shows('2 stops', of('1', '1,3'), () => broker(2).stop())
  await shows('3 stops', of('1', '1', '3'), () => broker(3).stop())
  await shows('1 stops, 2 starts', of('none', '', '1,3', '1'), async () => {
    await broker(1).stop()
    await broker(2).start()
  })
  await shows('3 starts', of('3', '2,3'), () => broker(3).start())
  await shows('1 starts', of('3', '1,2,3'), () => broker(1).start())
}

async function compare(run: Run, hands: Client, load: Load): Promise<void> {
  const { client, failure, acknowledged } = load
  const expected = Array.from({ length: acknowledged }, (_, index) => `record-${index}`).sort()
  await checkClient(run, client, 'an idempotent producer loses and doubles nothing in a rolling restart', async () => {
    if (failure !== undefined) throw failure
    assertEqual((await load.stored(hands)).sort(), expected, 'records')
  })
  await checkClient(run, client, 'a group member is handed every record in a rolling restart', async () => {
    await eventually(
      async () => new Set(await load.received()).size,
      (size) => size >= acknowledged,
      `of ${acknowledged} records`,
      limitMs,
    )
  })
}
