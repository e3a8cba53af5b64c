/** The StandardAuthorizer and SASL under kafkajs: what users with a SCRAM password may do by ACLs that a super user makes while the broker runs. */
import {
  type AclEntry,
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Admin,
  Kafka,
  logLevel,
  type Producer,
  ResourcePatternTypes,
} from 'kafkajs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createDelegationToken } from '../../protocol/messages/create-delegation-token.ts'
import { metadata } from '../../protocol/messages/metadata.ts'
import { type RunningBroker, startBroker } from '../../src/broker.ts'
import { until } from '../network/raw-client.ts'
import { SaslClient } from '../security/sasl-client.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const properties = `listeners=SASL_PLAINTEXT://127.0.0.1:0
security.inter.broker.protocol=SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_admin="admin-secret";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin
delegation.token.secret.key=key of the test
group.initial.rebalance.delay.ms=0
`
const mechanism = 'SCRAM-SHA-256'
const notAuthorizedToTopics = 'Not authorized to access topics: [Topic authorization failed]'

async function start(dataDir?: string): Promise<RunningBroker> {
  const broker = await startBroker({ properties, ...(dataDir === undefined ? { memory: true } : { dataDir }) })
  onTestFinished(() => broker.close())
  return broker
}

/** Each of them with the password `<name>-secret`. */
async function addUsers(broker: RunningBroker, ...names: string[]): Promise<void> {
  const client = await saslClient(broker)
  await client.plain('admin', 'admin-secret')
  for (const name of names) {
    expect(await client.setPassword(mechanism, name, `${name}-secret`)).toMatchObject([{ errorCode: 0 }])
  }
}

async function saslClient(broker: RunningBroker): Promise<SaslClient> {
  const client = await SaslClient.connect(Number(broker.bootstrapServers.split(':').at(-1)))
  onTestFinished(() => client.destroy())
  return client
}

/** Admin logs in by PLAIN, all others by SCRAM. */
function kafka(broker: RunningBroker, username: string): Kafka {
  const password = `${username}-secret`
  return new Kafka({
    clientId: username,
    brokers: [broker.bootstrapServers],
    sasl:
      username === 'admin'
        ? { mechanism: 'plain', username, password }
        : { mechanism: 'scram-sha-256', username, password },
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20, retries: 1 },
  })
}

async function adminOf(broker: RunningBroker, username: string): Promise<Admin> {
  const admin = kafka(broker, username).admin()
  await admin.connect()
  onTestFinished(() => admin.disconnect())
  return admin
}

async function producerOf(broker: RunningBroker, username: string): Promise<Producer> {
  const producer = kafka(broker, username).producer({ allowAutoTopicCreation: false })
  await producer.connect()
  onTestFinished(() => producer.disconnect())
  return producer
}

const send = (producer: Producer, topic: string) => producer.send({ topic, messages: [{ value: 'x' }] })

/** Allows an operation on the topic `orders`. */
const acl = (principal: string, operation: AclOperationTypes, more: Partial<AclEntry> = {}): AclEntry => ({
  principal,
  operation,
  host: '*',
  permissionType: AclPermissionTypes.ALLOW,
  resourceType: AclResourceTypes.TOPIC,
  resourceName: 'orders',
  resourcePatternType: ResourcePatternTypes.LITERAL,
  ...more,
})

const { READ, WRITE, CREATE } = AclOperationTypes

/** A broker with a topic, alice, who may write and read it, and bob, who may nothing. */
async function startWithAlice(dataDir?: string): Promise<{ broker: RunningBroker; admin: Admin }> {
  const broker = await start(dataDir)
  await addUsers(broker, 'alice', 'bob')
  const admin = await adminOf(broker, 'admin')
  await admin.createTopics({ topics: [{ topic: 'orders' }, { topic: 'secrets' }] })
  const group = { resourceType: AclResourceTypes.GROUP, resourceName: 'billing' }
  await admin.createAcls({
    acl: [acl('User:alice', WRITE), acl('User:alice', READ), acl('User:alice', READ, group)],
  })
  return { broker, admin }
}

async function reads(broker: RunningBroker, username: string): Promise<string[]> {
  const consumer = kafka(broker, username).consumer({ groupId: 'billing' })
  onTestFinished(() => consumer.disconnect())
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  const values: string[] = []
  await consumer.run({ eachMessage: async ({ message }) => void values.push(String(message.value)) })
  await until(() => values.length > 0)
  return values
}

describe('users with SCRAM passwords and ACLs', () => {
  it('may do what an ACL allows them, and others may not', async () => {
    const { broker } = await startWithAlice()
    await send(await producerOf(broker, 'alice'), 'orders')
    expect(await reads(broker, 'alice')).toEqual(['x'])
    await expect(send(await producerOf(broker, 'alice'), 'secrets')).rejects.toThrow(notAuthorizedToTopics)
    await expect(send(await producerOf(broker, 'bob'), 'orders')).rejects.toThrow(notAuthorizedToTopics)
    await expect(reads(broker, 'bob')).rejects.toThrow(notAuthorizedToTopics)
  })

  it('see the topics that they may describe, and no others', async () => {
    const { broker } = await startWithAlice()
    expect(await (await adminOf(broker, 'alice')).listTopics()).toEqual(['orders'])
    expect(await (await adminOf(broker, 'bob')).listTopics()).toEqual([])
    expect((await (await adminOf(broker, 'admin')).listTopics()).sort()).toEqual(['orders', 'secrets'])
  })

  it('make no topics, ACLs and passwords for themselves', async () => {
    const { broker } = await startWithAlice()
    const alice = await adminOf(broker, 'alice')
    await expect(alice.createTopics({ topics: [{ topic: 'own' }] })).rejects.toThrow('Topic creation errors')
    await expect(alice.createAcls({ acl: [acl('User:alice', WRITE, { resourceName: 'secrets' })] })).rejects.toThrow(
      'Cluster authorization failed',
    )
    const client = await saslClient(broker)
    await client.scram(mechanism, 'alice', 'alice-secret')
    expect(await client.setPassword(mechanism, 'admin', 'x')).toMatchObject([{ user: 'admin', errorCode: 31 }])
  })

  it('have other rights on a connection that stands, as soon as an ACL is there or gone', async () => {
    const { broker, admin } = await startWithAlice()
    const [alice, bob] = [await producerOf(broker, 'alice'), await producerOf(broker, 'bob')]
    await send(alice, 'orders')
    const denied = acl('User:alice', WRITE, { permissionType: AclPermissionTypes.DENY })
    await admin.createAcls({ acl: [denied, acl('User:bob', WRITE)] })
    await expect(send(alice, 'orders')).rejects.toThrow('Not authorized to access topics')
    await send(bob, 'orders')
    await admin.deleteAcls({ filters: [denied] })
    await send(alice, 'orders')
  })

  it('have rights by prefixes, and only from the host that an ACL names', async () => {
    const { broker, admin } = await startWithAlice()
    const prefixed = { resourceName: 'bob-', resourcePatternType: ResourcePatternTypes.PREFIXED }
    const elsewhere = { resourceName: 'orders', host: '10.0.0.1' }
    await admin.createAcls({
      acl: [acl('User:bob', CREATE, prefixed), acl('User:bob', WRITE, prefixed), acl('User:bob', WRITE, elsewhere)],
    })
    await (await adminOf(broker, 'bob')).createTopics({ topics: [{ topic: 'bob-own' }] })
    const bob = await producerOf(broker, 'bob')
    await send(bob, 'bob-own')
    await expect(send(bob, 'orders')).rejects.toThrow(notAuthorizedToTopics)
  })

  it('have what their owner may by a delegation token', async () => {
    const { broker } = await startWithAlice()
    const owner = await saslClient(broker)
    await owner.scram(mechanism, 'alice', 'alice-secret')
    const token = await owner.ask(createDelegationToken, 3, { renewers: [], maxLifetimeMs: -1 })
    const holder = await saslClient(broker)
    await holder.scram(mechanism, token.tokenId, token.hmac.toString('base64'), ',tokenauth=true')
    const { topics } = await holder.ask(metadata, 12, { topics: null })
    expect(topics.map(({ name }) => name)).toEqual(['orders'])
  })

  it('have both after a restart', async () => {
    const dataDir = await temporaryDirectory()
    const { broker } = await startWithAlice(dataDir)
    await broker.close()
    const again = await start(dataDir)
    await send(await producerOf(again, 'alice'), 'orders')
    await expect(send(await producerOf(again, 'bob'), 'orders')).rejects.toThrow(notAuthorizedToTopics)
  })
})
