/** Consumer groups that Apache Kafka 4.3.1 has left in its data directory. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { batchesIn } from '../../../protocol/records/batches.ts'
import { recordsOf } from '../../../protocol/records/index.ts'
import { keyType } from '../../../protocol/state/index.ts'
import { ClusterTopics } from '../../../src/groups/consumer/cluster-topics.ts'
import { consumerGroupRecordDecoders } from '../../../src/groups/consumer/consumer-group-records.ts'
import { metadataHash } from '../../../src/groups/consumer/metadata-hash.ts'
import { groupRecordCodec } from '../../../src/groups/group-records.ts'
import { allGroups } from '../../../src/groups/group-requests.ts'
import { nodeFileSystem } from '../../../src/runtime/node-file-system.ts'
import { openGroups } from '../open-groups.ts'

const fixtures = join(import.meta.dirname, '../../fixtures/kafka-4.3.1')
const groupId = 'modern-group'
const client = { clientId: 'client', clientHost: '/127.0.0.1', makesMemberId: true, canDescribe: () => true }
const joining = {
  groupId,
  memberId: 'm',
  memberEpoch: 0,
  instanceId: null,
  rackId: null,
  rebalanceTimeoutMs: 60_000,
  subscribedTopicNames: ['codecs', 'idempotent'],
  subscribedTopicRegex: null,
  serverAssignor: null,
  topicPartitions: [],
}

let root: string
let opened: Awaited<ReturnType<typeof openGroups>>

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'odradek-consumer-groups-'))
  execFileSync('tar', ['xzf', join(fixtures, 'data-dir-4.3.1.tar.gz'), '-C', root])
  opened = await openGroups({ files: nodeFileSystem, path: join(root, 'data') })
})

afterAll(async () => {
  await opened.close()
  rmSync(root, { recursive: true, force: true })
})

it('are there, empty in the epoch that they were left in, and described so', async () => {
  const [{ groups }] = opened.brokers as [(typeof opened.brokers)[number]]
  expect(await groups.describeConsumerGroup(groupId)).toEqual({
    groupState: 'Empty',
    groupEpoch: 3,
    assignmentEpoch: 2,
    assignorName: 'uniform',
    members: [],
  })
  const listed = await groups.listGroups({ ...allGroups, types: new Set(['consumer']) })
  expect(listed).toEqual([{ groupId, protocolType: 'consumer', groupState: 'Empty', groupType: 'consumer' }])
})

it('have hashes of their topics that Kafka has computed as we do', () => {
  const topics = new ClusterTopics(opened.cluster)
  expect(metadataHash(['idempotent', 'codecs'], topics)).toBe(-738871157516247116n)
  expect(metadataHash(['idempotent', 'nowhere'], topics)).toBe(-8332149024032315833n)
  expect(metadataHash(['nowhere'], topics)).toBe(0n)
})

it('have records that we write byte for byte the same', async () => {
  const kinds = new Set<string>()
  for (const partition of opened.cluster.topics.byName('__consumer_offsets')!.partitions) {
    const { log } = partition
    if (log.logEndOffset === 0) continue
    const { records } = await log.read(0, { maxBytes: 1e9, minOneBatch: true, isolation: 'log_end' })
    for (const batch of records.flatMap((buffer) => [...batchesIn(buffer)])) {
      for (const { key, value } of batch.isControl ? [] : recordsOf(batch)) {
        const decode = consumerGroupRecordDecoders.get(keyType(key!))
        if (decode === undefined) continue
        const record = decode(key!, value)
        kinds.add(record.kind)
        expect(groupRecordCodec.encode(record)).toEqual({ key, value })
      }
    }
  }
  expect([...kinds].sort()).toEqual([
    'ConsumerGroupCurrentMemberAssignment',
    'ConsumerGroupMemberMetadata',
    'ConsumerGroupMetadata',
    'ConsumerGroupTargetAssignmentMember',
    'ConsumerGroupTargetAssignmentMetadata',
  ])
})

it('go on: a member joins in the next epoch, and finds the offsets that were committed', async () => {
  const [{ groups }] = opened.brokers as [(typeof opened.brokers)[number]]
  const { memberEpoch, assignment } = await groups.consumerGroupHeartbeat(joining, client)
  expect(memberEpoch).toBe(4)
  expect(assignment!.topicPartitions.map(({ partitions }) => partitions.length).sort()).toEqual([2, 5])
  const topics = [{ name: 'codecs', topicId: opened.cluster.topics.byName('codecs')!.id, partitionIndexes: [0, 1, 2] }]
  const fetched = await groups.fetchOffsets({ groupId, topics, member: { memberId: 'm', memberEpoch } }, true)
  expect(fetched[0]!.partitions.map(({ committedOffset }) => committedOffset)).toEqual([33, 11, 12])
})
