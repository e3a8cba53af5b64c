/** Several brokers of one process under kafkajs: what clients see of brokers that stop, start, are isolated, and of leaders that move. */
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  ConfigResourceTypes,
  type Consumer,
  Kafka,
  logLevel,
  Partitioners,
  type Producer,
  type SASLOptions,
} from 'kafkajs'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type BrokerOptions, type RunningBroker, startBroker } from '../../src/broker.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { certsCommand } from '../../src/security/certs/command.ts'
import { client } from './kafkajs.ts'
import { temporaryDirectory } from './temporary-directory.ts'

async function start(options: BrokerOptions = { memory: true }): Promise<RunningBroker> {
  const cluster = await startBroker({ port: 0, brokers: 3, ...options })
  onTestFinished(() => cluster.close())
  return cluster
}

async function producerOf(kafka: Kafka, idempotent = false): Promise<Producer> {
  const createPartitioner = Partitioners.DefaultPartitioner
  const producer = kafka.producer({ createPartitioner, idempotent, ...(idempotent ? { maxInFlightRequests: 1 } : {}) })
  await producer.connect()
  onTestFinished(() => producer.disconnect())
  return producer
}

async function withAdmin<T>(kafka: Kafka, run: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    return await run(admin)
  } finally {
    await admin.disconnect()
  }
}

const createTopic = (kafka: Kafka, topic: string, more: object = {}) =>
  withAdmin(kafka, (admin) =>
    admin.createTopics({ topics: [{ topic, numPartitions: 3, replicationFactor: 2, ...more }] }),
  )

const partitionsOf = (kafka: Kafka, topic: string) =>
  withAdmin(kafka, async (admin) => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]!.partitions)

describe('three brokers in one process', () => {
  it('are all shown with ports of their own, and lead a part each', async () => {
    const cluster = await start()
    expect(cluster.brokers.map(({ id, state }) => [id, state])).toEqual([
      [1, 'running'],
      [2, 'running'],
      [3, 'running'],
    ])
    const kafka = client(cluster)
    const described = await withAdmin(kafka, (admin) => admin.describeCluster())
    expect(described.brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]).sort()).toEqual(
      cluster.brokers.map(({ id, bootstrapServers }) => [id, bootstrapServers]),
    )
    await createTopic(kafka, 'topic', { numPartitions: 6 })
    const partitions = await partitionsOf(kafka, 'topic')
    const leads = (id: number) => partitions.filter(({ leader }) => leader === id).length
    expect([leads(1), leads(2), leads(3)]).toEqual([2, 2, 2])
    expect(partitions.every(({ replicas, isr }) => replicas.length === 2 && isr.length === 2)).toBe(true)
  })

  it('lose and double nothing while each is stopped and started under a producer and a group', async () => {
    const cluster = await start()
    const kafka = client(cluster, 30)
    await createTopic(kafka, 'topic')
    const producer = await producerOf(kafka, true)
    const consumer: Consumer = kafka.consumer({
      groupId: 'group',
      sessionTimeout: 6000,
      rebalanceTimeout: 2000,
      maxWaitTimeInMs: 200,
    })
    onTestFinished(() => consumer.disconnect())
    await consumer.connect()
    await consumer.subscribe({ topic: 'topic', fromBeginning: true })
    const received = new Map<string, number>()
    let arrived = (): void => {}
    await consumer.run({
      eachMessage: async ({ message }) => {
        const value = String(message.value)
        received.set(value, (received.get(value) ?? 0) + 1)
        arrived()
      },
    })
    let isDone = false
    let sent = 0
    const producing = (async () => {
      while (!isDone) {
        // One partition a call: kafkajs forgets what has moved to a broker that has answered for the call's other partitions.
        const partition = (sent / 10) % 3
        const messages = Array.from({ length: 10 }, () => ({ partition, value: String(sent++) }))
        await producer.send({ topic: 'topic', messages, acks: -1 })
      }
    })()
    const more = async (count: number): Promise<void> => {
      const wanted = received.size + count
      await new Promise<void>((resolve) => {
        arrived = () => {
          if (received.size >= wanted) resolve()
        }
        arrived()
      })
    }
    for (const broker of cluster.brokers) {
      await more(50)
      await broker.stop()
      expect(broker.state).toBe('stopped')
      await more(50)
      await broker.start()
      expect(broker.state).toBe('running')
    }
    await more(50)
    isDone = true
    await producing
    await more(sent - received.size)
    const offsets = await withAdmin(kafka, (admin) => admin.fetchTopicOffsets('topic'))
    expect(offsets.reduce((sum, { high }) => sum + Number(high), 0)).toBe(sent)
    expect(received.size).toBe(sent)
  }, 60_000)

  it('refuse acks=all with NOT_ENOUGH_REPLICAS while one of two in-sync replicas is isolated, and take acks=1', async () => {
    const cluster = await start()
    const kafka = client(cluster, 0)
    const configEntries = [{ name: 'min.insync.replicas', value: '2' }]
    const replicaAssignment = [{ partition: 0, replicas: [1, 2] }]
    await withAdmin(kafka, (admin) =>
      admin.createTopics({ topics: [{ topic: 'strict', replicaAssignment, configEntries }] }),
    )
    const producer = await producerOf(kafka)
    await producer.send({ topic: 'strict', messages: [{ value: 'a' }] })
    await cluster.isolate(2)
    expect(cluster.broker(2).state).toBe('isolated')
    await expect(producer.send({ topic: 'strict', messages: [{ value: 'b' }] })).rejects.toMatchObject({
      cause: { type: 'NOT_ENOUGH_REPLICAS' },
    })
    await producer.send({ topic: 'strict', messages: [{ value: 'c' }], acks: 1 })
    const highOf = (name: string) => withAdmin(kafka, async (admin) => (await admin.fetchTopicOffsets(name))[0]?.high)
    expect(await highOf('strict')).toBe('1')
    await cluster.rejoin(2)
    expect(await highOf('strict')).toBe('2')
    const [sent] = await producer.send({ topic: 'strict', messages: [{ value: 'd' }] })
    expect(sent?.baseOffset).toBe('2')
  })

  it('send clients on from an isolated one, which still answers', async () => {
    const cluster = await start()
    await createTopic(client(cluster), 'topic', { replicationFactor: 3 })
    await cluster.isolate(1)
    const kafka = client({ ...cluster, bootstrapServers: cluster.broker(1).bootstrapServers })
    const { brokers } = await withAdmin(kafka, (admin) => admin.describeCluster())
    expect(brokers.map(({ nodeId }) => nodeId).sort()).toEqual([2, 3])
    const partitions = await partitionsOf(kafka, 'topic')
    expect(partitions.map(({ leader }) => leader)).not.toContain(1)
    expect(partitions.flatMap(({ isr }) => isr)).not.toContain(1)
    const producer = await producerOf(kafka)
    await producer.send({ topic: 'topic', messages: [{ value: 'a' }] })
  })

  it('move leaders and coordinators when asked, and clients follow', async () => {
    const cluster = await start()
    const kafka = client(cluster)
    await createTopic(kafka, 'topic', { numPartitions: 1, replicationFactor: 3 })
    const producer = await producerOf(kafka, true)
    const leaders: number[] = []
    for (const id of [1, 2, 3, 1]) {
      await cluster.moveLeader('topic', 0, id)
      await producer.send({ topic: 'topic', messages: [{ value: String(id) }] })
      leaders.push((await partitionsOf(kafka, 'topic'))[0]!.leader)
    }
    expect(leaders).toEqual([1, 2, 3, 1])
    await withAdmin(kafka, (admin) =>
      admin.setOffsets({ groupId: 'group', topic: 'topic', partitions: [{ partition: 0, offset: '2' }] }),
    )
    for (const id of [3, 1, 2]) {
      await cluster.moveCoordinator({ groupId: 'group' }, id)
      const [offsets] = await withAdmin(kafka, (admin) => admin.fetchOffsets({ groupId: 'group', topics: ['topic'] }))
      expect(offsets?.partitions).toMatchObject([{ partition: 0, offset: '2' }])
    }
    await cluster.moveCoordinator({ transactionalId: 'transactions' }, 3)
  })

  it('have configs of their own, also dynamic ones', async () => {
    const cluster = await start()
    const kafka = client(cluster)
    const type = ConfigResourceTypes.BROKER
    const configOf = async (id: number, name: string) => {
      const resources = [{ type, name: String(id), configNames: [name] }]
      const described = await withAdmin(kafka, (admin) => admin.describeConfigs({ resources, includeSynonyms: false }))
      return described.resources[0]?.configEntries[0]?.configValue
    }
    expect([await configOf(1, 'node.id'), await configOf(2, 'node.id')]).toEqual(['1', '2'])
    const configEntries = [{ name: 'log.cleaner.backoff.ms', value: '1234' }]
    const resources = [{ type, name: '2', configEntries }]
    await withAdmin(kafka, (admin) => admin.alterConfigs({ resources, validateOnly: false }))
    expect(await configOf(2, 'log.cleaner.backoff.ms')).toBe('1234')
    expect(await configOf(3, 'log.cleaner.backoff.ms')).toBe('15000')
  })

  it('tell what is wrong with what they are asked for', async () => {
    const cluster = await start()
    expect(() => cluster.broker(4)).toThrow('there is no broker 4: the ids are 1, 2, 3')
    await expect(cluster.isolate(0)).rejects.toThrow('there is no broker 0: the ids are 1, 2, 3')
    await cluster.broker(2).stop()
    await cluster.broker(2).stop()
    await expect(cluster.isolate(2)).rejects.toThrow("broker 2 does not run: it can't be isolated")
    await cluster.broker(2).start()
    await cluster.broker(2).start()
    await cluster.close()
    await expect(cluster.broker(1).stop()).rejects.toThrow('the brokers are closed')
  })

  it('start again only on their own ports', async () => {
    const cluster = await start()
    const [host, port] = cluster.broker(2).bootstrapServers.split(':')
    await cluster.broker(2).stop()
    const other = createServer().listen(Number(port), host)
    await once(other, 'listening')
    await expect(cluster.broker(2).start()).rejects.toThrow('Address already in use')
    expect(cluster.broker(2).state).toBe('stopped')
    other.close()
    await once(other, 'close')
    await cluster.broker(2).start()
    expect(cluster.brokers.map(({ state }) => state)).toEqual(['running', 'running', 'running'])
  })

  it('say that they are for trying things out', async () => {
    const said: string[] = []
    const warn = (_fields: object, message: string): void => void said.push(message)
    await start({ memory: true, logger: { ...silentLogger, warn } })
    expect(said).toEqual([expect.stringMatching(/^3 brokers run in one process, .* not for availability/)])
  })
})

describe('a data directory', () => {
  it('of one broker serves three, and those of three serve one', async () => {
    const dataDir = await temporaryDirectory()
    const write = async (brokers: number, value: string): Promise<void> => {
      const cluster = await startBroker({ port: 0, dataDir, brokers })
      const kafka = client(cluster)
      const topic = 'topic'
      if (value === 'a') await createTopic(kafka, topic, { numPartitions: 1, replicationFactor: 1 })
      const producer = await producerOf(kafka)
      const [sent] = await producer.send({ topic, messages: [{ value }] })
      expect(sent?.baseOffset).toBe(String(value.charCodeAt(0) - 'a'.charCodeAt(0)))
      await createTopic(kafka, `of-${value}`, { numPartitions: 3, replicationFactor: brokers })
      await producer.disconnect()
      await cluster.close()
    }
    await write(1, 'a')
    await write(3, 'b')
    await write(1, 'c')
    await write(3, 'd')
  })
})

describe('docs/examples/three-brokers.properties', () => {
  const protocols = ['PLAINTEXT', 'SSL', 'SASL_SSL'] as const
  /** As the test suite of kafkajs 2.2.4 connects (testHelpers/index.js). */
  const ways: [protocol: (typeof protocols)[number], sasl?: SASLOptions][] = [
    ['PLAINTEXT'],
    ['SSL'],
    ['SASL_SSL', { mechanism: 'plain', username: 'test', password: 'testtest' }],
    ['SASL_SSL', { mechanism: 'scram-sha-256', username: 'testscram', password: 'testtestscram=256' }],
    ['SASL_SSL', { mechanism: 'scram-sha-512', username: 'testscram', password: 'testtestscram=512' }],
  ]
  let certificates: string

  /** The addresses of its brokers' listeners for a protocol. */
  const addressesOf = ({ brokers }: RunningBroker, protocol: (typeof protocols)[number]): string[] =>
    brokers.map(({ bootstrapServers }) => bootstrapServers.split(',')[protocols.indexOf(protocol)]!)

  beforeAll(async () => {
    certificates = await mkdtemp(join(tmpdir(), 'odradek-test-'))
    await certsCommand(['--dir', certificates], { write: () => {} })
    return () => rm(certificates, { recursive: true, force: true })
  }, 120_000)

  async function startExample(): Promise<RunningBroker> {
    const path = fileURLToPath(new URL('../../docs/examples/three-brokers.properties', import.meta.url))
    const properties = (await readFile(path, 'utf8'))
      .replaceAll(/:9\d\d\d\b|:9100\b/g, ':0')
      .replaceAll(/=odradek-certs\//g, `=${certificates}/`)
    return start({ properties, memory: true, port: undefined, brokers: undefined })
  }

  async function connected(brokers: string[], protocol: string, sasl?: SASLOptions): Promise<Kafka> {
    const ca = await readFile(join(certificates, 'ca.pem'), 'utf8')
    // A copy: kafkajs keeps its authenticator, with the password, in the object that it is given.
    const secured = { ...(protocol === 'PLAINTEXT' ? {} : { ssl: { ca } }), ...(sasl && { sasl: { ...sasl } }) }
    return new Kafka({ brokers, ...secured, logLevel: logLevel.NOTHING, retry: { initialRetryTime: 20, retries: 2 } })
  }

  it('gives node ids 0, 1 and 2, each on its own ports, and topics with two partitions and replicas', async () => {
    const cluster = await startExample()
    expect(cluster.brokers.map(({ id }) => id)).toEqual([0, 1, 2])
    const kafka = await connected(addressesOf(cluster, 'PLAINTEXT'), 'PLAINTEXT')
    const producer = await producerOf(kafka)
    await producer.send({ topic: 'created', messages: [{ value: 'a' }] })
    const partitions = await partitionsOf(kafka, 'created')
    expect(partitions.map(({ replicas }) => replicas.length)).toEqual([2, 2])
  })

  it.each(ways)('lets kafkajs reach every broker by %s, %o', async (protocol, sasl) => {
    const cluster = await startExample()
    const addresses = addressesOf(cluster, protocol)
    for (const address of addresses) {
      const kafka = await connected([address], protocol, sasl)
      const { brokers } = await withAdmin(kafka, (admin) => admin.describeCluster())
      expect(brokers.map(({ host, port }) => `${host}:${port}`).sort()).toEqual([...addresses].sort())
    }
    const kafka = await connected([addresses[0]!], protocol, sasl)
    await createTopic(kafka, 'on-all', { replicationFactor: 1 })
    const leaders = (await partitionsOf(kafka, 'on-all')).map(({ leader }) => leader)
    expect([...leaders].sort()).toEqual([0, 1, 2])
    const producer = await producerOf(kafka)
    const messages = [0, 1, 2].map((partition) => ({ partition, value: 'x' }))
    const written = await producer.send({ topic: 'on-all', messages })
    expect(written.map(({ errorCode }) => errorCode)).toEqual([0, 0, 0])
  })

  it.each(ways.filter(([, sasl]) => sasl))(
    'lets nobody in by %s with another password than that of %o',
    async (protocol, sasl) => {
      const cluster = await startExample()
      const wrong = { ...sasl, password: 'wrong' } as SASLOptions
      for (const address of addressesOf(cluster, protocol)) {
        const kafka = await connected([address], protocol, wrong)
        await expect(withAdmin(kafka, (admin) => admin.describeCluster())).rejects.toThrow('uthentication failed')
      }
    },
  )

  it('does not start without its certificates, and says where they should be', async () => {
    const path = fileURLToPath(new URL('../../docs/examples/three-brokers.properties', import.meta.url))
    const properties = (await readFile(path, 'utf8'))
      .replaceAll('=odradek-certs/', '=nowhere/')
      .replaceAll(/:9\d{3}\b/g, ':0')
    await expect(startBroker({ properties, memory: true })).rejects.toThrow('nowhere/server.pem')
  })
})
