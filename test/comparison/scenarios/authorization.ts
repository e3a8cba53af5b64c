/**
 * test: every API by somebody who has one right, or none: what is answered, and what is shown. The one who asks comes from another address
 * than the one who gives and takes the rights, which is how ACLs tell the two apart without authentication.
 */
import * as messages from '../../../protocol/messages/index.ts'
import type { Api } from '../../../protocol/schema/index.ts'
import { batch, type Conversation, scenario } from '../conversation.ts'
import type { Peer } from '../peer.ts'

const ownerAddress = '127.0.0.1'
const askerAddress = '127.0.0.2'
const principal = 'User:ANONYMOUS'
const timeoutMs = 5_000

const types = { Topic: 2, Group: 3, Cluster: 4, TransactionalId: 5 } as const
const names = { Topic: 'topic', Group: 'group', Cluster: 'kafka-cluster', TransactionalId: 'transactions' } as const
const operations = {
  All: 2,
  Read: 3,
  Write: 4,
  Create: 5,
  Delete: 6,
  Alter: 7,
  Describe: 8,
  ClusterAction: 9,
  DescribeConfigs: 10,
  AlterConfigs: 11,
  IdempotentWrite: 12,
} as const

type ResourceType = keyof typeof types
type Operation = keyof typeof operations

/** Those that a resource of the type can be asked for. */
const operationsOf: Readonly<Record<ResourceType, readonly Operation[]>> = {
  Topic: ['Read', 'Write', 'Create', 'Delete', 'Alter', 'Describe', 'DescribeConfigs', 'AlterConfigs'],
  Group: ['Read', 'Delete', 'Describe', 'DescribeConfigs', 'AlterConfigs'],
  Cluster: ['Create', 'Alter', 'Describe', 'ClusterAction', 'DescribeConfigs', 'AlterConfigs', 'IdempotentWrite'],
  TransactionalId: ['Write', 'Describe'],
}

interface Asked {
  readonly step: string
  readonly api: Api
  readonly body: object
  readonly version?: number
}

function asked(step: string, api: Api, body: object, version?: number): Asked {
  return version === undefined ? { step, api, body } : { step, api, body, version }
}

const owner = { groupId: 'group', generationId: 1, memberId: 'nobody' }
const joining = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, protocolType: 'consumer', protocols: [] }
const describedConfig = (resourceType: number, resourceName: string, configurationKeys: string[] = []) => ({
  resources: [{ resourceType, resourceName, configurationKeys }],
})
const alteredConfig = (resourceType: number, resourceName: string, name: string) => ({
  resources: [{ resourceType, resourceName, configs: [{ name, configOperation: 0, value: '1000' }] }],
  validateOnly: true,
})

/** What everybody is asked; nothing of it changes anything but a few offsets. `doomed`: a topic that may go. */
function everything(topicId: string, doomed: string, created: string): readonly Asked[] {
  const { topic, group, transactions } = {
    topic: names.Topic,
    group: names.Group,
    transactions: names.TransactionalId,
  }
  const records = batch(1)
  return [
    asked(
      'Produce',
      messages.produce,
      {
        acks: -1,
        timeoutMs,
        topicData: [topic, 'hidden', 'missing'].map((name) => ({
          name,
          partitionData: [{ index: 0, records: Buffer.from(records) }],
        })),
      },
      12,
    ),
    asked(
      'Fetch',
      messages.fetch,
      {
        maxWaitMs: 0,
        minBytes: 0,
        maxBytes: 100_000,
        topics: [topic, 'hidden', 'missing'].map((name) => ({
          topic: name,
          partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 0 }],
        })),
      },
      12,
    ),
    asked('Fetch by id', messages.fetch, {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 100_000,
      topics: [{ topicId, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 0 }] }],
    }),
    asked('Produce by id', messages.produce, {
      acks: -1,
      timeoutMs,
      topicData: [{ topicId, partitionData: [{ index: 9, records: Buffer.from(records) }] }],
    }),
    asked(
      'Produce in a transaction',
      messages.produce,
      {
        acks: -1,
        timeoutMs,
        transactionalId: transactions,
        topicData: [],
      },
      12,
    ),
    asked('ListOffsets', messages.listOffsets, {
      replicaId: -1,
      topics: [topic, 'hidden', 'missing'].map((name) => ({
        name,
        partitions: [{ partitionIndex: 0, timestamp: -2 }],
      })),
    }),
    asked('Metadata of all', messages.metadata, { topics: null, includeTopicAuthorizedOperations: true }),
    asked('Metadata by name', messages.metadata, {
      topics: [{ name: topic }, { name: 'hidden' }, { name: 'missing' }],
      allowAutoTopicCreation: true,
      includeTopicAuthorizedOperations: true,
    }),
    asked('Metadata by id', messages.metadata, { topics: [{ topicId, name: null }] }),
    asked('Metadata with the cluster', messages.metadata, { topics: [], includeClusterAuthorizedOperations: true }, 10),
    asked(
      'OffsetCommit',
      messages.offsetCommit,
      {
        groupId: group,
        generationIdOrMemberEpoch: -1,
        topics: [topic, 'hidden', 'missing'].map((name) => ({
          name,
          partitions: [{ partitionIndex: 0, committedOffset: 0 }],
        })),
      },
      9,
    ),
    asked(
      'OffsetFetch',
      messages.offsetFetch,
      {
        groups: [{ groupId: group, topics: [topic, 'hidden'].map((name) => ({ name, partitionIndexes: [0] })) }],
      },
      9,
    ),
    asked('OffsetFetch of all', messages.offsetFetch, { groups: [{ groupId: group, topics: null }] }, 9),
    asked('FindCoordinator of a group', messages.findCoordinator, { keyType: 0, coordinatorKeys: [group, 'other'] }),
    asked('JoinGroup', messages.joinGroup, { ...joining, groupId: group, memberId: 'nobody' }),
    asked('Heartbeat', messages.heartbeat, owner),
    asked('LeaveGroup', messages.leaveGroup, { groupId: group, members: [{ memberId: 'nobody' }] }),
    asked('SyncGroup', messages.syncGroup, { ...owner, assignments: [] }),
    asked('DescribeGroups', messages.describeGroups, {
      groups: [group, 'other'],
      includeAuthorizedOperations: true,
    }),
    asked('ListGroups', messages.listGroups, {}),
    asked('ConsumerGroupHeartbeat', messages.consumerGroupHeartbeat, {
      groupId: group,
      memberId: 'nobody',
      memberEpoch: 5,
    }),
    asked('ConsumerGroupDescribe', messages.consumerGroupDescribe, {
      groupIds: [group, 'other'],
      includeAuthorizedOperations: true,
    }),
    asked('DeleteGroups', messages.deleteGroups, { groupsNames: ['other'] }),
    asked('DeleteGroups of one that is not there', messages.deleteGroups, { groupsNames: ['missing'] }),
    asked('OffsetDelete', messages.offsetDelete, {
      groupId: group,
      topics: [topic, 'hidden'].map((name) => ({ name, partitions: [{ partitionIndex: 7 }] })),
    }),
    asked('CreateTopics', messages.createTopics, {
      topics: [created, 'another'].map((name) => ({ name, numPartitions: 1, replicationFactor: 1 })),
      timeoutMs,
      validateOnly: true,
    }),
    asked('DeleteTopics', messages.deleteTopics, { topics: [{ name: 'hidden' }, { name: 'missing' }], timeoutMs }),
    asked('DeleteTopics of the own', messages.deleteTopics, { topics: [{ name: doomed }], timeoutMs }),
    asked('CreatePartitions', messages.createPartitions, {
      topics: [topic, 'hidden', 'missing'].map((name) => ({ name, count: 3, assignments: null })),
      timeoutMs,
      validateOnly: true,
    }),
    asked('DeleteRecords', messages.deleteRecords, {
      topics: [topic, 'hidden', 'missing'].map((name) => ({ name, partitions: [{ partitionIndex: 0, offset: 0 }] })),
      timeoutMs,
    }),
    asked('InitProducerId', messages.initProducerId, { transactionalId: null, transactionTimeoutMs: 1000 }),
    asked('OffsetForLeaderEpoch', messages.offsetForLeaderEpoch, {
      replicaId: -2,
      topics: [topic, 'hidden', 'missing'].map((name) => ({
        topic: name,
        partitions: [{ partition: 0, leaderEpoch: 0 }],
      })),
    }),
    asked('DescribeConfigs of a topic', messages.describeConfigs, describedConfig(2, topic, ['retention.ms'])),
    asked(
      'DescribeConfigs of a missing topic',
      messages.describeConfigs,
      describedConfig(2, 'missing', ['retention.ms']),
    ),
    asked('DescribeConfigs of the broker', messages.describeConfigs, describedConfig(4, '1', ['log.retention.ms'])),
    asked(
      'DescribeConfigs of a group',
      messages.describeConfigs,
      describedConfig(32, group, ['consumer.session.timeout.ms']),
    ),
    asked('AlterConfigs of a topic', messages.alterConfigs, alteredConfig(2, topic, 'retention.ms')),
    asked('AlterConfigs of the broker', messages.alterConfigs, alteredConfig(4, '1', 'log.retention.ms')),
    asked(
      'IncrementalAlterConfigs of a topic',
      messages.incrementalAlterConfigs,
      alteredConfig(2, topic, 'retention.ms'),
    ),
    asked(
      'IncrementalAlterConfigs of the broker',
      messages.incrementalAlterConfigs,
      alteredConfig(4, '', 'log.retention.ms'),
    ),
    asked(
      'IncrementalAlterConfigs of a group',
      messages.incrementalAlterConfigs,
      alteredConfig(32, group, 'consumer.session.timeout.ms'),
    ),
    asked('DescribeLogDirs', messages.describeLogDirs, { topics: [] }),
    asked('DescribeCluster', messages.describeCluster, { includeClusterAuthorizedOperations: true }),
    asked('DescribeTopicPartitions', messages.describeTopicPartitions, {
      topics: [{ name: topic }, { name: 'hidden' }, { name: 'missing' }],
    }),
    asked('DescribeTopicPartitions of all', messages.describeTopicPartitions, { topics: [] }),
    asked('DescribeAcls', messages.describeAcls, { ...allAcls, resourceNameFilter: 'nothing' }),
    asked('CreateAcls', messages.createAcls, { creations: [acl('Cluster', 'All', ownerAddress)] }),
    asked('DeleteAcls', messages.deleteAcls, { filters: [{ ...allAcls, resourceNameFilter: 'nothing' }] }),
    asked('FindCoordinator of a transactional id', messages.findCoordinator, {
      keyType: 1,
      coordinatorKeys: [transactions, 'other'],
    }),
    asked('InitProducerId of a transactional id', messages.initProducerId, {
      transactionalId: transactions,
      transactionTimeoutMs: 0,
    }),
    asked(
      'AddPartitionsToTxn',
      messages.addPartitionsToTxn,
      {
        v3AndBelowTransactionalId: transactions,
        v3AndBelowProducerId: 99_999n,
        v3AndBelowProducerEpoch: 0,
        v3AndBelowTopics: [topic, 'hidden', 'missing'].map((name) => ({ name, partitions: [0] })),
      },
      3,
    ),
    asked('AddPartitionsToTxn by a broker', messages.addPartitionsToTxn, {
      transactions: [
        {
          transactionalId: transactions,
          producerId: 99_999n,
          producerEpoch: 0,
          verifyOnly: true,
          topics: [{ name: topic, partitions: [0] }],
        },
      ],
    }),
    asked('AddOffsetsToTxn', messages.addOffsetsToTxn, {
      transactionalId: transactions,
      producerId: 99_999n,
      producerEpoch: 0,
      groupId: group,
    }),
    asked('EndTxn', messages.endTxn, {
      transactionalId: transactions,
      producerId: 99_999n,
      producerEpoch: 0,
      committed: true,
    }),
    asked(
      'TxnOffsetCommit',
      messages.txnOffsetCommit,
      {
        transactionalId: transactions,
        groupId: group,
        producerId: 99_999n,
        producerEpoch: 0,
        generationId: 5,
        memberId: 'nobody',
        topics: [topic, 'hidden', 'missing'].map((name) => ({
          name,
          partitions: [{ partitionIndex: 0, committedOffset: 0 }],
        })),
      },
      4,
    ),
    asked('WriteTxnMarkers', messages.writeTxnMarkers, { markers: [] }),
    asked('DescribeProducers', messages.describeProducers, {
      topics: [topic, 'hidden', 'missing'].map((name) => ({ name, partitionIndexes: [0] })),
    }),
    asked('DescribeTransactions', messages.describeTransactions, { transactionalIds: [transactions, 'other'] }),
    asked('ListTransactions', messages.listTransactions, {}),
    asked('AlterPartitionReassignments', messages.alterPartitionReassignments, { timeoutMs, topics: [] }),
    asked('ListPartitionReassignments', messages.listPartitionReassignments, { timeoutMs, topics: [] }),
    asked('ElectLeaders', messages.electLeaders, { topicPartitions: [], timeoutMs }),
    asked('AlterReplicaLogDirs', messages.alterReplicaLogDirs, { dirs: [] }),
    asked('DescribeQuorum', messages.describeQuorum, {
      topics: [{ topicName: topic, partitions: [{ partitionIndex: 0 }] }],
    }),
    asked('UpdateFeatures', messages.updateFeatures, {
      timeoutMs,
      featureUpdates: [{ feature: 'group.version', maxVersionLevel: 1, upgradeType: 1 }],
      validateOnly: true,
    }),
    asked('UnregisterBroker', messages.unregisterBroker, { brokerId: 77 }),
    asked('ListConfigResources', messages.listConfigResources, { resourceTypes: [16] }),
    asked('DescribeClientQuotas', messages.describeClientQuotas, {
      components: [{ entityType: 'user', matchType: 0, match: 'nobody' }],
      strict: false,
    }),
    asked('AlterClientQuotas', messages.alterClientQuotas, {
      entries: [
        {
          entity: [{ entityType: 'user', entityName: 'nobody' }],
          ops: [{ key: 'producer_byte_rate', value: 1000, remove: false }],
        },
      ],
      validateOnly: true,
    }),
    asked('DescribeUserScramCredentials', messages.describeUserScramCredentials, { users: [{ name: 'nobody' }] }),
    asked('AlterUserScramCredentials', messages.alterUserScramCredentials, {
      deletions: [{ name: 'nobody', mechanism: 1 }],
      upsertions: [],
    }),
  ]
}

const allAcls = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}

function acl(type: ResourceType, operation: Operation, host: string, resourceName: string = names[type]) {
  const [resourceType, id] = [types[type], operations[operation]]
  return { resourceType, resourceName, resourcePatternType: 3, principal, host, operation: id, permissionType: 3 }
}

interface Right {
  readonly type: ResourceType
  readonly operation: Operation
}

const rights = (Object.keys(operationsOf) as ResourceType[]).flatMap((type) =>
  operationsOf[type].map((operation): Right => ({ type, operation })),
)

class Rights {
  readonly #broker: Conversation
  readonly #owner: Peer

  constructor(broker: Conversation) {
    this.#broker = broker
    this.#owner = broker.connect(ownerAddress)
  }

  /** From now on the owner may do everything, and others nothing. */
  async close(): Promise<void> {
    const creations = (Object.keys(types) as ResourceType[]).map((type) =>
      acl(type, 'All', ownerAddress, type === 'Cluster' ? undefined : '*'),
    )
    await this.#broker.quietly(messages.createAcls, 3, { creations }, this.#owner)
    await this.#settle(ownerAddress, creations.length)
  }

  async give(...creations: ReturnType<typeof acl>[]): Promise<void> {
    await this.#broker.quietly(messages.createAcls, 3, { creations }, this.#owner)
    await this.#settle(askerAddress, creations.length)
  }

  async takeBack(): Promise<void> {
    await this.#broker.quietly(
      messages.deleteAcls,
      3,
      { filters: [{ ...allAcls, hostFilter: askerAddress }] },
      this.#owner,
    )
    await this.#settle(askerAddress, 0)
  }

  /** All that there are; the controller lets go of the last first. */
  async open(): Promise<void> {
    await this.#broker.quietly(messages.deleteAcls, 3, { filters: [allAcls] }, this.#owner)
    await this.#settle(ownerAddress, 0)
  }

  /** Until the broker, and not only its controller, knows them. */
  async #settle(hostFilter: string, count: number): Promise<void> {
    await this.#broker.until(
      messages.describeAcls,
      3,
      { ...allAcls, hostFilter },
      ({ resources }) => resources.flatMap(({ acls }) => acls).length === count,
      this.#owner,
    )
  }
}

async function askAll(broker: Conversation, label: string, topicId: string, doomed: string, created: string) {
  const on = broker.connect(askerAddress)
  for (const { step, api, body, version } of everything(topicId, doomed, created)) {
    const last = Math.max(...broker.versions(api))
    await broker.ask(`${label}: ${step}`, api, version ?? last, body as never, { on })
  }
}

export const authorizationScenarios = [
  scenario('every API with every single right', async (broker) => {
    await broker.coordinator()
    const topic = await broker.topic(names.Topic)
    await broker.topic('hidden')
    for (const [index] of rights.entries()) await broker.topic(`doomed-${index}`)
    for (const groupId of [names.Group, 'other']) {
      const topics = [{ name: names.Topic, partitions: [{ partitionIndex: 0, committedOffset: 0 }] }]
      await broker.quietly(messages.offsetCommit, 8, { groupId, generationIdOrMemberEpoch: -1, topics })
    }
    await broker.producerId()
    await broker.until(
      messages.findCoordinator,
      6,
      { keyType: 1, coordinatorKeys: [names.TransactionalId, 'other'] },
      ({ coordinators }) => coordinators.every(({ errorCode }) => errorCode === 0),
    )
    await broker.until(messages.listTransactions, 1, {}, ({ errorCode }) => errorCode === 0)
    const given = new Rights(broker)
    await given.close()
    await askAll(broker, 'no right', topic.id, 'doomed-0', 'created')
    for (const [index, { type, operation }] of rights.entries()) {
      const own = `doomed-${index}`
      const names = type === 'Topic' ? [undefined, own, `created-${index}`] : [undefined]
      await given.give(...names.map((name) => acl(type, operation, askerAddress, name)))
      await askAll(broker, `${type} ${operation}`, topic.id, own, `created-${index}`)
      await given.takeBack()
    }
    await given.open()
  }),
]
