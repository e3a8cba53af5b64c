import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { CompressionTypes, type Consumer, Kafka, logLevel, type Producer } from 'kafkajs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type BrokerOptions, type RunningBroker, startBroker } from '../../src/broker.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { largeSlabs, sharedSlabs, smallSlabs } from '../../src/runtime/slabs.ts'
import { client } from './kafkajs.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const hasIpv6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'))

async function start(options: BrokerOptions = { memory: true }): Promise<RunningBroker> {
  const broker = await startBroker({ port: 0, ...options })
  onTestFinished(() => broker.close())
  return broker
}

async function producerOf(kafka: Kafka, idempotent = false): Promise<Producer> {
  const producer = kafka.producer({ idempotent })
  await producer.connect()
  onTestFinished(() => producer.disconnect())
  return producer
}

/** Reads with a group until `count` records are there; the values in order of arrival. */
async function consume(kafka: Kafka, groupId: string, topic: string, count: number): Promise<string[]> {
  const consumer: Consumer = kafka.consumer({ groupId, rebalanceTimeout: 2000, sessionTimeout: 6000 })
  onTestFinished(() => consumer.disconnect())
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const values: string[] = []
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachMessage: async ({ message }) => {
          values.push(String(message.value))
          if (values.length === count) resolve()
        },
      })
      .catch(reject)
  })
  await consumer.stop()
  await consumer.disconnect()
  return values
}

describe('a broker in memory', () => {
  it('has the cluster id that CLUSTER_ID says', async () => {
    const environment = { CLUSTER_ID: '4L6g3nShT-eMCtK--X86sw' }
    expect((await start({ memory: true, environment })).clusterId).toBe('4L6g3nShT-eMCtK--X86sw')
  })

  it('takes settings that are numbers and booleans', async () => {
    const settings = { 'num.partitions': 6, 'auto.create.topics.enable': true }
    const kafka = client(await start({ memory: true, settings }))
    const producer = await producerOf(kafka)
    await producer.send({ topic: 'six', messages: [{ value: 'a' }] })
    const admin = kafka.admin()
    await admin.connect()
    onTestFinished(() => admin.disconnect())
    expect((await admin.fetchTopicMetadata({ topics: ['six'] })).topics[0]!.partitions).toHaveLength(6)
    await expect(startBroker({ settings: { 'num.partitions': 1.5 } })).rejects.toThrow('num.partitions')
  })

  it('refuses a data directory, in which nothing would be kept', async () => {
    const dataDir = await temporaryDirectory()
    const refused = 'memory keeps nothing on disk: leave out dataDir'
    await expect(startBroker({ memory: true, port: 0, dataDir })).rejects.toThrow(refused)
  })

  it('refuses options that it does not know', async () => {
    const misspelt = { memroy: true } as BrokerOptions
    await expect(startBroker(misspelt)).rejects.toThrow('startBroker has no option memroy: the nearest one is memory')
  })

  it('takes what kafkajs produces and gives it to a group', async () => {
    const kafka = client(await start())
    const producer = await producerOf(kafka)
    await producer.send({ topic: 'greetings', messages: ['a', 'b', 'c'].map((value) => ({ value })) })
    expect(await consume(kafka, 'readers', 'greetings', 3)).toEqual(['a', 'b', 'c'])
  })

  it('goes on where the group has committed', async () => {
    const kafka = client(await start())
    const producer = await producerOf(kafka)
    await producer.send({ topic: 'numbers', messages: [{ value: '1' }, { value: '2' }] })
    expect(await consume(kafka, 'readers', 'numbers', 2)).toEqual(['1', '2'])
    await producer.send({ topic: 'numbers', messages: [{ value: '3' }] })
    expect(await consume(kafka, 'readers', 'numbers', 1)).toEqual(['3'])
  })

  it('takes gzip and idempotent producers', async () => {
    const kafka = client(await start())
    const producer = await producerOf(kafka, true)
    await producer.send({
      topic: 'zipped',
      compression: CompressionTypes.GZIP,
      messages: [{ value: 'x' }, { value: 'y' }],
    })
    expect(await consume(kafka, 'readers', 'zipped', 2)).toEqual(['x', 'y'])
  })

  it('shares nothing with another one in the process', async () => {
    const [one, other] = [await start(), await start()]
    await client(one)
      .admin()
      .createTopics({ topics: [{ topic: 'here' }] })
    expect(await client(one).admin().listTopics()).toContain('here')
    expect(await client(other).admin().listTopics()).not.toContain('here')
    expect(one.bootstrapServers).not.toBe(other.bootstrapServers)
    expect(one.clusterId).not.toBe(other.clusterId)
  })

  it('closes at the end of its block', async () => {
    let servers: string
    {
      await using broker = await startBroker({ port: 0, memory: true })
      servers = broker.bootstrapServers
    }
    const again = await start({ memory: true, port: Number(servers.split(':')[1]) })
    expect(again.bootstrapServers).toBe(servers)
  })

  it('keeps no memory for later when it is closed', async () => {
    const broker = await startBroker({ port: 0, memory: true })
    const taken = [smallSlabs, largeSlabs, sharedSlabs].map((pool) => pool.take())
    for (const slab of taken) slab.release()
    await broker.close()
    for (const slab of taken) expect(slab.pool.take()).not.toBe(slab)
  })

  it('wakes a fetch that waits, and has nothing to complain of', async () => {
    const complaints: string[] = []
    const complain = (fields: object, message: string): void => {
      complaints.push(`${message} ${JSON.stringify(fields)}`)
    }
    const kafka = client(await start({ memory: true, logger: { ...silentLogger, warn: complain, error: complain } }))
    await kafka.admin().createTopics({ topics: [{ topic: 'late' }] })
    const consumer = kafka.consumer({ groupId: 'waiting', maxWaitTimeInMs: 60_000 })
    onTestFinished(() => consumer.disconnect())
    await consumer.connect()
    await consumer.subscribe({ topic: 'late' })
    const fetching = new Promise((resolve) => consumer.on(consumer.events.FETCH_START, resolve))
    const received = new Promise((resolve) => {
      void consumer.run({ eachMessage: async ({ message }) => resolve(String(message.value)) })
    })
    await fetching
    const producer = await producerOf(kafka)
    await producer.send({ topic: 'late', messages: [{ value: 'at last' }] })
    expect(await received).toBe('at last')
    expect(complaints).toEqual([])
  })

  it('closes in less than a second while fetches and joins are parked', async () => {
    const broker = await start()
    const kafka = client(broker)
    const consumer = kafka.consumer({ groupId: 'parked', maxWaitTimeInMs: 30_000 })
    await kafka.admin().createTopics({ topics: [{ topic: 'quiet' }] })
    await consumer.connect()
    await consumer.subscribe({ topic: 'quiet' })
    const fetching = new Promise((resolve) => consumer.on(consumer.events.FETCH_START, resolve))
    await consumer.run({ eachMessage: async () => {} })
    await fetching
    const startedMs = performance.now()
    await broker.close()
    expect(performance.now() - startedMs).toBeLessThan(1000)
    await consumer.disconnect()
  })

  it('refuses a setting that nobody knows, and a value that can not be', async () => {
    await expect(startBroker({ memory: true, port: 0, settings: { 'num.partition': '2' } })).rejects.toThrow(
      /num\.partitions/,
    )
    await expect(startBroker({ memory: true, port: 0, settings: { 'num.partitions': '0' } })).rejects.toThrow(
      'Invalid value 0 for configuration num.partitions: Value must be at least 1',
    )
  })

  it('starts from the variables of a one-node compose file, and leaves the port of the controller alone', async () => {
    const controller = createServer().listen(0, '127.0.0.1')
    await once(controller, 'listening')
    onTestFinished(() => void controller.close())
    const broker = await start({
      memory: true,
      port: undefined,
      environment: {
        CLUSTER_ID: '4L6g3nShT-eMCtK--X86sw',
        KAFKA_NODE_ID: '7',
        KAFKA_PROCESS_ROLES: 'broker,controller',
        KAFKA_CONTROLLER_QUORUM_VOTERS: '7@broker:29093',
        KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
        KAFKA_LISTENERS: `CONTROLLER://127.0.0.1:${(controller.address() as AddressInfo).port},PLAINTEXT://127.0.0.1:0,PLAINTEXT_HOST://127.0.0.1:0`,
        KAFKA_ADVERTISED_LISTENERS: 'PLAINTEXT://broker:19092,PLAINTEXT_HOST://localhost:0',
        KAFKA_LISTENER_SECURITY_PROTOCOL_MAP:
          'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PLAINTEXT_HOST:PLAINTEXT,SASL_SSL:SASL_SSL',
        KAFKA_INTER_BROKER_LISTENER_NAME: 'PLAINTEXT',
        KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
        KAFKA_HEAP_OPTS: '-Xmx1G',
      },
    })
    expect(broker.bootstrapServers).toMatch(/^broker:19092,localhost:\d+$/)
    const outside = broker.bootstrapServers.split(',')[1]!
    const admin = new Kafka({ brokers: [outside], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    expect(brokers).toEqual([{ nodeId: 7, host: 'localhost', port: Number(outside.split(':')[1]) }])
    await admin.disconnect()
  })

  it('does not let everybody in where a class is to decide that it does not know', async () => {
    const settings = { 'authorizer.class.name': 'com.example.OwnAuthorizer' }
    await expect(startBroker({ memory: true, port: 0, settings })).rejects.toThrow(/^authorizer\.class\.name[^\n]*$/)
  })

  it.runIf(hasIpv6)('names an IPv6 address as clients read it', async () => {
    expect((await start({ memory: true, host: '::1' })).bootstrapServers).toMatch(/^\[::1\]:\d+$/)
  })

  it('says in one line that a port is taken', async () => {
    const broker = await start()
    const port = Number(broker.bootstrapServers.split(':')[1])
    await expect(startBroker({ memory: true, port })).rejects.toThrow(/^[^\n]*Address already in use[^\n]*$/)
  })
})

describe('a broker on disk', () => {
  it('has everything when it is started again', async () => {
    const dataDir = await temporaryDirectory()
    const first = await start({ dataDir })
    const kafka = client(first)
    await kafka.admin().createTopics({
      topics: [{ topic: 'kept', numPartitions: 3, configEntries: [{ name: 'retention.ms', value: '1000000' }] }],
    })
    const producer = await producerOf(kafka)
    await producer.send({
      topic: 'kept',
      messages: [0, 1, 2].map((partition) => ({ partition, value: `v${partition}` })),
    })
    expect((await consume(kafka, 'readers', 'kept', 3)).sort()).toEqual(['v0', 'v1', 'v2'])
    const before = await kafka.admin().fetchOffsets({ groupId: 'readers', topics: ['kept'] })
    await first.close()

    const again = await start({ dataDir })
    expect(again.clusterId).toBe(first.clusterId)
    const admin = client(again).admin()
    expect(await admin.fetchOffsets({ groupId: 'readers', topics: ['kept'] })).toEqual(before)
    expect((await admin.fetchTopicOffsets('kept')).map(({ offset }) => offset)).toEqual(['1', '1', '1'])
    const configs = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: 'kept', configNames: ['retention.ms'] }],
    })
    expect(configs.resources[0]!.configEntries[0]!.configValue).toBe('1000000')
    expect((await consume(client(again), 'others', 'kept', 3)).sort()).toEqual(['v0', 'v1', 'v2'])
    await admin.disconnect()
  })

  it('is not shared with a second broker', async () => {
    const dataDir = await temporaryDirectory()
    await start({ dataDir })
    await expect(startBroker({ port: 0, dataDir })).rejects.toThrow(/^[^\n]+$/)
  })

  it('says in one line which directory can not be used', async () => {
    const dataDir = join(await temporaryDirectory(), 'file')
    await writeFile(dataDir, '')
    await expect(startBroker({ port: 0, dataDir })).rejects.toThrow(
      `the log directory ${dataDir} can't be used: EEXIST`,
    )
    await expect(startBroker({ port: 0, dataDir: join(dataDir, 'x') })).rejects.toThrow(/can't be used: ENOTDIR[^\n]*$/)
  })

  it('leaves no lock behind when its start fails', async () => {
    const dataDir = await temporaryDirectory()
    await expect(startBroker({ port: 0, dataDir, settings: { 'node.id': '-7' } })).rejects.toThrow()
    await start({ dataDir })
  })
})
