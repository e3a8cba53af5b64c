/** What asks for a right on the cluster alone: each API is refused without it, at all versions, and says nothing. */
import { expect, it } from 'vitest'
import type { Api } from '../../protocol/schema/index.ts'
import { handlers } from '../../src/handlers/index.ts'
import { newTopic, openCluster } from '../cluster/open-cluster.ts'
import { Client, only } from './ask.ts'

const topic = { name: 'topic', partitions: [{ partitionIndex: 0, replicas: null }], partitionIndexes: [0] }
const voter = { clusterId: null, voterId: 2, voterDirectoryId: 'odradekodradekodradekw', timeoutMs: 1, listeners: [] }

/** A request, the right that it needs, and where in the answer there is an error. */
const asked: Record<string, { right: string; request: object; errorAt: readonly (string | number)[] }> = {
  ElectLeaders: {
    right: 'Alter',
    request: { topicPartitions: [{ topic: 'topic', partitions: [0] }], timeoutMs: 1 },
    errorAt: ['replicaElectionResults', 0, 'partitionResult', 0, 'errorCode'],
  },
  AlterPartitionReassignments: { right: 'Alter', request: { topics: [topic] }, errorAt: ['errorCode'] },
  ListPartitionReassignments: { right: 'Describe', request: { topics: [topic] }, errorAt: ['errorCode'] },
  DescribeQuorum: {
    right: 'Describe',
    request: { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] },
    errorAt: ['errorCode'],
  },
  UpdateFeatures: { right: 'Alter', request: { featureUpdates: [] }, errorAt: ['errorCode'] },
  UnregisterBroker: { right: 'Alter', request: { brokerId: 9 }, errorAt: ['errorCode'] },
  ListConfigResources: { right: 'DescribeConfigs', request: { resourceTypes: [] }, errorAt: ['errorCode'] },
  AddRaftVoter: { right: 'Alter', request: voter, errorAt: ['errorCode'] },
  RemoveRaftVoter: { right: 'Alter', request: voter, errorAt: ['errorCode'] },
}
const clusterAuthorizationFailed = 31

it.each(Object.entries(asked))('%s', async (name, { right, request, errorAt }) => {
  const { cluster, brokers } = await openCluster()
  await cluster.createTopics([newTopic('topic')])
  const handler = handlers.find(({ api }) => api.name === name)!
  for (let version = handler.versions.first; version <= handler.versions.last; version += 1) {
    const ask = async (...rights: string[]): Promise<unknown> => {
      const client = new Client(brokers[0]!, only(...rights))
      let found: unknown = await client.ask(handler, handler.api as Api, version, request as never)
      for (const step of errorAt) found = (found as Record<string | number, unknown>)[step]
      return found
    }
    expect(await ask(), `v${version}`).toBe(clusterAuthorizationFailed)
    expect(await ask(`Cluster:kafka-cluster:${right}`), `v${version}`).not.toBe(clusterAuthorizationFailed)
  }
  await cluster.close()
})
