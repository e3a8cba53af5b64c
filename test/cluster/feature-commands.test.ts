/** UpdateFeatures: what a changed level does while the broker runs, and that it lasts; the answers are compared with Kafka's elsewhere. */
import { expect, it } from 'vitest'
import { consumerGroupHeartbeat } from '../../protocol/messages/consumer-group-heartbeat.ts'
import { updateFeatures } from '../../protocol/messages/update-features.ts'
import { featureLevelRecord } from '../../protocol/state/index.ts'
import type { UpgradeType } from '../../src/cluster/feature-commands.ts'
import { consumerGroupHeartbeatHandler } from '../../src/handlers/consumer-group-heartbeat.ts'
import { updateFeaturesHandler } from '../../src/handlers/update-features.ts'
import { writeBootstrap } from '../../src/metadata/formatting.ts'
import { metadataRecord } from '../../src/metadata/index.ts'
import { snapshotContent } from '../../src/metadata/snapshot-file.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { Client, only } from '../handlers/ask.ts'
import { groupClient, groupId } from '../handlers/group-client.ts'
import { newTopic, openCluster } from './open-cluster.ts'

/** A directory that a formatter has prepared for `metadataVersion`, with configured voters. */
async function formatted(metadataVersion: number): Promise<MemoryFileSystem> {
  const files = new MemoryFileSystem()
  await files.makeDirectory('/data')
  const records = [metadataRecord(featureLevelRecord, 0, { name: 'metadata.version', featureLevel: metadataVersion })]
  await writeBootstrap(files, '/data', snapshotContent(records, [], 0))
  return files
}

const set = (feature: string, level: number, type: UpgradeType = 'upgrade') => [{ feature, level, type }]
const really = { validateOnly: false }

it('switches the consumer group protocol off and on at once with group.version', async () => {
  const { client, cluster, close } = await groupClient()
  const heartbeat = async () => {
    const joining = {
      groupId,
      memberId: 'm',
      rebalanceTimeoutMs: 60_000,
      subscribedTopicNames: ['topic'],
      topicPartitions: [],
    }
    return (await client.ask(consumerGroupHeartbeatHandler, consumerGroupHeartbeat, 1, joining)).errorCode
  }
  expect(await heartbeat()).toBe(0)
  await cluster.controller.updateFeatures(set('group.version', 0, 'safeDowngrade'), { validateOnly: true })
  expect(await heartbeat()).toBe(0)
  await cluster.controller.updateFeatures(set('group.version', 0, 'safeDowngrade'), really)
  expect(await heartbeat()).toBe(35)
  await cluster.controller.updateFeatures(set('group.version', 1), really)
  expect(await heartbeat()).toBe(0)
  await close()
})

it('keeps levels over a restart', async () => {
  const { cluster, files } = await openCluster()
  await cluster.controller.updateFeatures(set('group.version', 0, 'unsafeDowngrade'), really)
  await cluster.close()
  const again = await openCluster({ files, seed: 2 })
  expect(Object.fromEntries(again.cluster.features.levels)).toEqual({
    'eligible.leader.replicas.version': 1,
    'metadata.version': 30,
    'transaction.version': 2,
  })
  await again.cluster.close()
})

it('raises kraft.version, whose voters then stand in the log, and does not lower it', async () => {
  const files = await formatted(30)
  const { cluster } = await openCluster({ files })
  expect(cluster.features.level('kraft.version')).toBe(0)
  await cluster.controller.updateFeatures(set('kraft.version', 1), { validateOnly: true })
  expect(cluster.features.level('kraft.version')).toBe(0)
  await cluster.controller.updateFeatures(set('kraft.version', 1), really)
  expect(cluster.features.level('kraft.version')).toBe(1)
  await expect(cluster.controller.updateFeatures(set('kraft.version', 0, 'unsafeDowngrade'), really)).rejects.toThrow(
    "Invalid update version 0 for feature kraft.version. Can't downgrade the version of this feature.",
  )
  await cluster.createTopics([newTopic('topic')])
  await cluster.close()
  const again = await openCluster({ files, seed: 2 })
  expect(again.cluster.features.level('kraft.version')).toBe(1)
  expect(again.cluster.topics.byName('topic')).toBeDefined()
  await again.cluster.close()
})

it('raises metadata.version: brokers tell of their directories, and new partitions say where they lie', async () => {
  const { cluster, brokers } = await openCluster({ files: await formatted(14) })
  await cluster.createTopics([newTopic('before')])
  expect(cluster.topics.byName('before')!.partitions[0]!.directories).toEqual([])
  expect(cluster.registrations.get(1)!.directories).toEqual([])
  await cluster.controller.updateFeatures(set('metadata.version', 30), really)
  const { directoryId } = cluster.directories[0]!
  expect(cluster.registrations.get(1)!.directories).toEqual([directoryId])
  await cluster.createTopics([newTopic('after')])
  expect(cluster.topics.byName('after')!.partitions[0]!.directories).toEqual([directoryId])
  expect(brokers[0]!.leaderFor('before', 0).isOpen).toBe(true)
  await cluster.close()
})

it('lowers metadata.version as far as the records stay the same', async () => {
  const { cluster } = await openCluster({ files: await formatted(29) })
  const lower = (level: number, type: UpgradeType = 'safeDowngrade') =>
    cluster.controller.updateFeatures(set('metadata.version', level, type), really)
  const refused = 'Unsupported metadata.version downgrade from 29 to 22. Refusing to perform the requested downgrade'
  await expect(lower(22)).rejects.toThrow(refused)
  await expect(lower(22, 'unsafeDowngrade')).rejects.toThrow('Unsafe metadata downgrade is not supported')
  await lower(23)
  expect(cluster.features.level('metadata.version')).toBe(23)
  await cluster.close()
})

it('raises nothing that a registered broker does not know', async () => {
  const { cluster, brokers } = await openCluster({ brokers: [1, 2] })
  const registration = cluster.registrations.get(2)!
  Object.assign(registration, { features: registration.features.filter(({ name }) => name !== 'group.version') })
  await expect(cluster.controller.updateFeatures(set('group.version', 1), really)).rejects.toThrow(
    'Invalid update version 1 for feature group.version. Broker 2 does not support this feature.',
  )
  expect(brokers).toHaveLength(2)
  await cluster.close()
})

it.each([0, 1, 2])('v%i asks for the right to alter the cluster', async (version) => {
  const { cluster, brokers } = await openCluster()
  const featureUpdates = [{ feature: 'group.version', maxVersionLevel: 1 }]
  const ask = async (client: Client) => {
    const answer = await client.ask(updateFeaturesHandler, updateFeatures, version, { featureUpdates })
    return [answer.errorCode, answer.results.length]
  }
  expect(await ask(new Client(brokers[0]!, only()))).toEqual([31, 0])
  expect(await ask(new Client(brokers[0]!, only('Cluster:kafka-cluster:Alter')))).toEqual([0, version < 2 ? 1 : 0])
  await cluster.close()
})
