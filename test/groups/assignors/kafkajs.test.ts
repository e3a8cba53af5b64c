/** groups/assignors: kafkajs consumers with our assignors, on a broker in memory. */
import { type Consumer, Kafka, logLevel, type PartitionAssigner } from 'kafkajs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startBroker } from '../../../src/broker.ts'
import {
  cooperativeStickyAssignor,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type KafkaJsCluster,
  kafkaJsAssigner,
  kafkaJsAssigners,
  rangeAssignor,
  stickyAssignor,
} from '../../../src/groups/assignors/index.ts'
import { decodeStickyUserData } from '../../../src/groups/assignors/sticky-user-data.ts'

/** Consumers of one group on a topic of ten partitions. */
class Group {
  readonly #kafka: Kafka
  readonly #assigner: PartitionAssigner
  readonly #shares = new Map<Consumer, number[]>()
  #changed: () => void = () => {}

  private constructor(kafka: Kafka, assigner: PartitionAssigner) {
    this.#kafka = kafka
    this.#assigner = assigner
  }

  static async with(assigner: PartitionAssigner): Promise<Group> {
    const broker = await startBroker({ port: 0, memory: true })
    onTestFinished(() => broker.close())
    const kafka = new Kafka({
      clientId: 'test',
      brokers: [broker.bootstrapServers],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 20, retries: 10 },
    })
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 10 }] })
    await admin.disconnect()
    return new Group(kafka, assigner)
  }

  async join(): Promise<Consumer> {
    const consumer = this.#kafka.consumer({
      groupId: 'group',
      partitionAssigners: [this.#assigner],
      heartbeatInterval: 50,
      sessionTimeout: 6000,
      rebalanceTimeout: 3000,
      maxWaitTimeInMs: 50,
    })
    onTestFinished(() => consumer.disconnect())
    consumer.on('consumer.group_join', ({ payload }) => {
      this.#shares.set(
        consumer,
        [...(payload.memberAssignment.orders ?? [])].sort((a, b) => a - b),
      )
      this.#changed()
    })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({ eachMessage: async () => {} })
    return consumer
  }

  async leave(consumer: Consumer): Promise<void> {
    this.#shares.delete(consumer)
    await consumer.disconnect()
  }

  /** Waits until the consumers have so many partitions each, in any order of theirs, and together all of them once. */
  async shares(...counts: number[]): Promise<Map<Consumer, number[]>> {
    const isSo = () => {
      const all = [...this.#shares.values()]
      const lengths = all.map(({ length }) => length).sort((a, b) => b - a)
      return lengths.join() === counts.join() && new Set(all.flat()).size === 10
    }
    while (!isSo())
      await new Promise<void>((resolve) => {
        this.#changed = resolve
      })
    return new Map(this.#shares)
  }
}

describe('kafkajs consumers', () => {
  it.each([
    ['range', kafkaJsAssigners.range, ['0,1,2,3', '4,5,6', '7,8,9']],
    ['roundrobin', kafkaJsAssigners.roundRobin, ['0,3,6,9', '1,4,7', '2,5,8']],
  ])('share ten partitions by %s', async (_name, assigner, expected) => {
    const group = await Group.with(assigner)
    await Promise.all([group.join(), group.join(), group.join()])
    expect([...(await group.shares(4, 3, 3)).values()].map(String).sort()).toEqual(expected)
  })

  it.each([
    ['sticky', kafkaJsAssigners.sticky],
    ['cooperative-sticky', kafkaJsAssigners.cooperativeSticky],
  ])('have all partitions between them with %s, whoever comes and goes', async (_name, assigner) => {
    const group = await Group.with(assigner)
    const first = await group.join()
    await group.shares(10)
    await group.join()
    await group.shares(5, 5)
    await group.join()
    await group.shares(4, 3, 3)
    await group.leave(first)
    await group.shares(5, 5)
  })

  it('keep theirs with sticky when one leaves, and get its partitions evenly', async () => {
    const group = await Group.with(kafkaJsAssigners.sticky)
    const members = await Promise.all([group.join(), group.join(), group.join()])
    const before = await group.shares(4, 3, 3)
    const leaving = members.find((member) => before.get(member)!.length === 4)!
    await group.leave(leaving)
    const after = await group.shares(5, 5)
    for (const [member, partitions] of after) expect(partitions).toEqual(expect.arrayContaining(before.get(member)!))
  })
})

const noCluster: KafkaJsCluster = {
  findTopicPartitionMetadata: () => [],
  addMultipleTargetTopics: async () => {},
  metadata: async () => ({ brokers: [] }),
  findGroupCoordinator: async () => undefined,
}

describe('an adapter', () => {
  it('says in the subscription what its member had and when, once a SyncGroup was answered', async () => {
    const memberAssignment = encodeAssignment(new Map([['orders', [2, 0]]]))
    const broker = { nodeId: 1, syncGroup: async (_request: object) => ({ memberAssignment }) }
    const cluster = { ...noCluster, findGroupCoordinator: async () => broker }
    const assigner = kafkaJsAssigner(stickyAssignor, { rackId: 'a' })({ cluster, groupId: 'group' })
    const subscription = () => decodeSubscription(assigner.protocol({ topics: ['orders'] }).metadata)
    expect(subscription()).toMatchObject({ topics: ['orders'], userData: null, generationId: -1, rackId: 'a' })
    const coordinator = await cluster.findGroupCoordinator()
    expect(coordinator.nodeId).toBe(1)
    await coordinator.syncGroup({ generationId: 7 })
    expect(subscription()).toMatchObject({ ownedPartitions: [], generationId: 7 })
    expect(decodeStickyUserData(subscription().userData!)).toEqual({
      partitions: [{ topic: 'orders', partitions: [2, 0] }],
      generationId: 7,
    })
  })

  it('claims to own nothing while it joins a cooperative group, as kafkajs has stopped by then', async () => {
    const memberAssignment = encodeAssignment(new Map([['orders', [2, 0]]]))
    const cluster = {
      ...noCluster,
      findGroupCoordinator: async () => ({ syncGroup: async () => ({ memberAssignment }) }),
    }
    const assigner = kafkaJsAssigner(cooperativeStickyAssignor)({ cluster, groupId: 'group' })
    await ((await cluster.findGroupCoordinator()) as { syncGroup(request: object): Promise<object> }).syncGroup({
      generationId: 7,
    })
    const { metadata } = assigner.protocol({ topics: ['orders'] })
    expect(decodeSubscription(metadata)).toMatchObject({ ownedPartitions: [], generationId: 7 })
  })

  it('looks up topics that only others subscribe to, and racks where members have one', async () => {
    const known = new Map([['orders', [[1], [2]]]])
    const cluster: KafkaJsCluster = {
      ...noCluster,
      findTopicPartitionMetadata: (topic) =>
        (known.get(topic) ?? []).map((replicas, partitionId) => ({ partitionId, replicas })).reverse(),
      addMultipleTargetTopics: async ([topic]) => {
        if (topic !== 'bills') throw new Error('no such topic')
        known.set('bills', [[2]])
      },
      metadata: async () => ({
        brokers: [
          { nodeId: 1, rack: 'a' },
          { nodeId: 2, rack: 'b' },
        ],
      }),
    }
    const assigner = kafkaJsAssigner(rangeAssignor)({ cluster, groupId: 'group' })
    const member = (memberId: string, topics: string[], rackId: string) => ({
      memberId,
      memberMetadata: encodeSubscription({ topics, rackId }),
    })
    const members = [member('m1', ['orders', 'lost'], 'b'), member('m2', ['orders', 'bills'], 'a')]
    const assignments = await assigner.assign({ members, topics: ['orders'] })
    const decoded = assignments.map(({ memberId, memberAssignment }) => [memberId, decodeAssignment(memberAssignment)])
    expect(new Map(decoded as [string, Map<string, number[]>][])).toEqual(
      new Map([
        ['m1', new Map([['orders', [1]]])],
        [
          'm2',
          new Map([
            ['orders', [0]],
            ['bills', [0]],
          ]),
        ],
      ]),
    )
  })
})
