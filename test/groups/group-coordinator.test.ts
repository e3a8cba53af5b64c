import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { errorCode, KafkaError } from '../../protocol/errors.ts'
import { type GroupCoordinator, partitionFor } from '../../src/groups/group-coordinator.ts'
import { GroupCoordinatorShard } from '../../src/groups/group-coordinator-shard.ts'
import { noTopicId } from '../../src/groups/group-records.ts'
import { allGroups } from '../../src/groups/group-requests.ts'
import { settle } from '../../src/runtime/clock.ts'
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { nextTurn } from '../../src/runtime/turns.ts'
import { newTopic } from '../cluster/open-cluster.ts'
import { joinRequest, oldClient, openGroups } from './open-groups.ts'

const few = { 'offsets.topic.num.partitions': '4' }

const commit = (groups: GroupCoordinator, groupId: string, offset: number, more: object = {}) =>
  groups.commitOffsets({
    groupId,
    generationId: -1,
    memberId: '',
    groupInstanceId: null,
    retentionTimeMs: -1,
    knowsGroupIdNotFound: true,
    topics: [
      {
        name: 'topic',
        topicId: noTopicId,
        partitions: [{ partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: '' }],
      },
    ],
    ...more,
  })

async function committed(groups: GroupCoordinator, groupId: string): Promise<Record<string, number>> {
  const topics = await groups.fetchOffsets({ groupId, topics: null }, true)
  return Object.fromEntries(
    topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, committedOffset }) => [`${name}-${partitionIndex}`, committedOffset]),
    ),
  )
}

const errorOf = async (command: () => unknown): Promise<string> => {
  try {
    await command()
    return 'NONE'
  } catch (error) {
    if (error instanceof KafkaError) return error.kafkaError
    throw error
  }
}

describe('the partition of a group', () => {
  it('is that of Java', () => {
    expect(partitionFor('', 50)).toBe(0)
    expect(partitionFor('a', 50)).toBe(97 % 50)
    expect(partitionFor('my-group', 50)).toBe(javaHash('my-group') % 50)
    expect(partitionFor('polygenelubricants', 50)).toBe(0)
  })
})

function javaHash(text: string): number {
  let hash = 0n
  for (const char of text) hash = BigInt.asIntN(32, hash * 31n + BigInt(char.charCodeAt(0)))
  return Math.abs(Number(hash))
}

describe('a group coordinator', () => {
  it('creates __consumer_offsets when somebody asks for a coordinator, and is there at once', async () => {
    const { cluster, brokers, close } = await openGroups()
    const { groups } = brokers[0]!
    expect(cluster.topics.byName('__consumer_offsets')).toBeUndefined()
    expect(await errorOf(() => commit(groups, 'group', 1))).toBe('NOT_COORDINATOR')
    expect(await groups.listGroups(allGroups)).toEqual([])
    expect(await groups.coordinatorOf('group')).toBe(1)
    expect(cluster.topics.byName('__consumer_offsets')?.partitions).toHaveLength(50)
    await commit(groups, 'group', 1)
    expect(await committed(groups, 'group')).toEqual({ 'topic-0': 1 })
    await close()
  })

  it('refuses an empty group id, and sessions out of bounds', async () => {
    const { brokers, close } = await openGroups({ settings: few })
    const { groups } = brokers[0]!
    await groups.coordinatorOf('')
    const member = { memberId: 'm', groupInstanceId: null }
    expect(await errorOf(() => groups.joinGroup(joinRequest(''), oldClient))).toBe('INVALID_GROUP_ID')
    expect(await errorOf(() => groups.heartbeat({ groupId: '', generationId: 1, ...member }))).toBe('INVALID_GROUP_ID')
    expect(await errorOf(() => groups.leaveGroup('', []))).toBe('INVALID_GROUP_ID')
    expect(await errorOf(() => groups.deleteOffsets({ groupId: '', topics: [] }))).toBe('INVALID_GROUP_ID')
    await commit(groups, '', 3)
    expect(await committed(groups, '')).toEqual({ 'topic-0': 3 })
    for (const sessionTimeoutMs of [5_999, 1_800_001]) {
      const request = joinRequest('group', { sessionTimeoutMs })
      expect(await errorOf(() => groups.joinGroup(request, oldClient))).toBe('INVALID_SESSION_TIMEOUT')
    }
    await close()
  })

  it('serves the groups of the partitions that its broker leads, and no others', async () => {
    const { brokers, close } = await openGroups({ settings: few, brokers: [1, 2] })
    const ids = ['a', 'b', 'c', 'd', 'e', 'f']
    const leaders = new Set<number>()
    for (const groupId of ids) {
      const coordinatorId = await brokers[0]!.groups.coordinatorOf(groupId)
      leaders.add(coordinatorId)
      for (const { broker, groups } of brokers) {
        const expected = broker.id === coordinatorId ? 'NONE' : 'NOT_COORDINATOR'
        expect(await errorOf(() => commit(groups, groupId, 1))).toBe(expected)
      }
    }
    expect([...leaders].sort()).toEqual([1, 2])
    const listed = await Promise.all(brokers.map(({ groups }) => groups.listGroups(allGroups)))
    expect(
      listed
        .flat()
        .map(({ groupId }) => groupId)
        .sort(),
    ).toEqual(ids)
    await close()
  })

  it('hands its groups over when its broker stops: whoever waits is sent on', async () => {
    const settings = { ...few, 'offsets.topic.replication.factor': '2' }
    const { clock, brokers, close } = await openGroups({ settings, brokers: [1, 2] })
    const coordinatorId = await brokers[0]!.groups.coordinatorOf('group')
    const [first, second] = brokers[0]!.broker.id === coordinatorId ? brokers : [...brokers].reverse()
    await commit(first!.groups, 'group', 7)
    const joining = first!.groups.joinGroup(joinRequest('group'), oldClient)
    await settle()
    const refused = errorOf(() => joining)
    await first!.broker.stop()
    expect(await refused).toBe('NOT_COORDINATOR')
    expect(await errorOf(() => commit(first!.groups, 'group', 8))).toBe('NOT_COORDINATOR')
    expect(await second!.groups.coordinatorOf('group')).toBe(second!.broker.id)
    expect(await committed(second!.groups, 'group')).toEqual({ 'topic-0': 7 })
    const join = second!.groups.joinGroup(joinRequest('group'), oldClient)
    await settle()
    await clock.advance(0)
    expect(await join).toMatchObject({ errorCode: 0, generationId: 1 })
    await close()
  })

  it('hands its groups over when the leader moves: members and commits are as they were, also those on their way to the log', async () => {
    const settings = { ...few, 'offsets.topic.replication.factor': '2' }
    const { clock, cluster, brokers, close } = await openGroups({ settings, brokers: [1, 2] })
    const coordinatorId = await brokers[0]!.groups.coordinatorOf('group')
    const [first, second] = brokers[0]!.broker.id === coordinatorId ? brokers : [...brokers].reverse()
    const join = first!.groups.joinGroup(joinRequest('group'), oldClient)
    await settle()
    await clock.advance(0)
    const { memberId, generationId } = await join
    const member = { groupId: 'group', memberId, generationId, groupInstanceId: null }
    const assignments = [{ memberId, assignment: Buffer.from('mine') }]
    await first!.groups.syncGroup({ ...member, protocolType: 'consumer', protocolName: 'range', assignments })
    const partition = partitionFor('group', 4)
    const { log } = cluster.findPartition('__consumer_offsets', partition)!
    const { append } = log
    let write!: () => void
    const written = new Promise<void>((resolve) => {
      write = resolve
    })
    log.append = (records, origin) => written.then(() => append.call(log, records, origin))
    const committing = commit(first!.groups, 'group', 7, { memberId, generationId })
    log.append = append
    await cluster.moveLeader('__consumer_offsets', partition, second!.broker.id)
    const found = committed(second!.groups, 'group')
    await settle()
    write()
    expect(await errorOf(() => committing)).toBe('NONE')
    expect(await found).toEqual({ 'topic-0': 7 })
    expect(await errorOf(() => first!.groups.heartbeat(member))).toBe('NOT_COORDINATOR')
    expect(await errorOf(() => second!.groups.heartbeat(member))).toBe('NONE')
    const synced = await second!.groups.syncGroup({
      ...member,
      protocolType: null,
      protocolName: null,
      assignments: [],
    })
    expect(synced.assignment.toString()).toBe('mine')
    await cluster.moveLeader('__consumer_offsets', partition, first!.broker.id)
    expect(await errorOf(() => first!.groups.heartbeat(member))).toBe('NONE')
    expect(await committed(first!.groups, 'group')).toEqual({ 'topic-0': 7 })
    await close()
  })

  it('takes no commits while too few replicas are in sync, and gives out what it has', async () => {
    const settings = { ...few, 'offsets.topic.replication.factor': '2', 'min.insync.replicas': '2' }
    const { brokers, close } = await openGroups({ settings, brokers: [1, 2] })
    const coordinatorId = await brokers[0]!.groups.coordinatorOf('group')
    const [leader, other] = brokers[0]!.broker.id === coordinatorId ? brokers : [...brokers].reverse()
    await commit(leader!.groups, 'group', 7)
    await other!.broker.fence()
    expect(await errorOf(() => commit(leader!.groups, 'group', 8))).toBe('COORDINATOR_NOT_AVAILABLE')
    expect(await committed(leader!.groups, 'group')).toEqual({ 'topic-0': 7 })
    await other!.broker.unfence()
    await commit(leader!.groups, 'group', 9)
    expect(await committed(leader!.groups, 'group')).toEqual({ 'topic-0': 9 })
    await close()
  })

  it('brings groups and offsets back after a restart', async () => {
    const before = await openGroups({ settings: few })
    const { groups } = before.brokers[0]!
    await groups.coordinatorOf('group')
    const join = groups.joinGroup(joinRequest('group'), oldClient)
    await settle()
    await before.clock.advance(0)
    const { memberId, generationId } = await join
    const member = { groupId: 'group', memberId, generationId, groupInstanceId: null }
    const assignments = [{ memberId, assignment: Buffer.from('mine') }]
    await groups.syncGroup({ ...member, protocolType: 'consumer', protocolName: 'range', assignments })
    await commit(groups, 'group', 5, { memberId, generationId })
    await before.close()

    const after = await openGroups({ settings: few, files: before.files })
    const again = after.brokers[0]!.groups
    expect(await errorOf(() => again.heartbeat(member))).toBe('NONE')
    const synced = await again.syncGroup({ ...member, protocolType: null, protocolName: null, assignments: [] })
    expect(synced.assignment.toString()).toBe('mine')
    expect(await committed(again, 'group')).toEqual({ 'topic-0': 5 })
    await after.close()
  })

  it('forgets the offsets of a topic that is deleted', async () => {
    const { cluster, brokers, close } = await openGroups({ settings: few })
    const { groups } = brokers[0]!
    await groups.coordinatorOf('group')
    const [created] = await cluster.createTopics([newTopic('topic')])
    if (created instanceof KafkaError) throw created
    const { id } = cluster.topics.byName('topic')!
    await commit(groups, 'group', 5)
    expect(await committed(groups, 'group')).toEqual({ 'topic-0': 5 })
    await cluster.deleteTopics([id])
    expect(await committed(groups, 'group')).toEqual({})
    await close()
  })

  it('looks once for the offsets of all topics that are deleted together', async () => {
    const { cluster, brokers, close } = await openGroups({ settings: few })
    const { groups } = brokers[0]!
    const names = Array.from({ length: 50 }, (_, index) => `topic-${index}`)
    await groups.coordinatorOf('group')
    await cluster.createTopics(names.map((name) => newTopic(name)))
    const offset = { partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: -1, committedMetadata: '' }
    const topics = names.map((name) => ({ name, topicId: cluster.topics.byName(name)!.id, partitions: [offset] }))
    await commit(groups, 'group', 5, { topics })
    const looks = vi.spyOn(GroupCoordinatorShard.prototype, 'topicsDeleted')
    await cluster.deleteTopics(topics.slice(1).map(({ topicId }) => topicId))
    expect(await committed(groups, 'group')).toEqual({ 'topic-0-0': 5 })
    expect(looks.mock.calls.length).toBeLessThanOrEqual(4)
    looks.mockRestore()
    await close()
  })

  it('looks in few shards in each turn of the event loop where thousands of topics are deleted, all before that is answered', async () => {
    const { cluster, brokers, close } = await openGroups({ settings: { 'offsets.topic.num.partitions': '8' } })
    const { groups } = brokers[0]!
    const names = Array.from({ length: 4000 }, (_, index) => `topic-${index}`)
    await groups.coordinatorOf('group')
    await cluster.createTopics(names.map((name) => newTopic(name)))
    let turn = 0
    let isOver = false
    const others = (async () => {
      for (; !isOver; turn += 1) await nextTurn()
    })()
    const looked: number[] = []
    const looks = vi.spyOn(GroupCoordinatorShard.prototype, 'topicsDeleted').mockImplementation(() => {
      looked.push(turn)
      return { records: [], response: undefined }
    })
    await cluster.deleteTopics(names.map((name) => cluster.topics.byName(name)!.id))
    isOver = true
    await others
    looks.mockRestore()
    expect([looked.length, new Set(looked).size]).toEqual([8, 4])
    await close()
  })

  it('stores what max.message.bytes of the topic allows by now, compressed as it is told', async () => {
    const settings = { ...few, 'offsets.topic.compression.codec': '1' }
    const { cluster, brokers, close, clock } = await openGroups({ settings })
    const { broker, groups } = brokers[0]!
    await groups.coordinatorOf('group')
    const join = groups.joinGroup(joinRequest('group'), oldClient)
    await settle()
    await clock.advance(0)
    const { memberId } = await join
    const protocol = { protocolType: null, protocolName: null }
    const member = { groupId: 'group', memberId, groupInstanceId: null, ...protocol }
    const sync = (generationId: number, assignment: Buffer) =>
      groups.syncGroup({ ...member, generationId, assignments: [{ memberId, assignment }] })
    const rejoin = () => groups.joinGroup(joinRequest('group', { memberId }), oldClient)
    const allow = (bytes: number) =>
      cluster.alterConfigs(broker, [
        {
          type: 'topic',
          name: '__consumer_offsets',
          operations: [{ kind: 'SET', name: 'max.message.bytes', value: String(bytes) }],
          replacesAll: false,
        },
      ])
    const large = new SeededRandom(1).bytes(5_000)
    expect(await allow(2_000)).toEqual([undefined])
    expect(await sync(1, large)).toMatchObject({ errorCode: errorCode('UNKNOWN_SERVER_ERROR') })
    expect(await rejoin()).toMatchObject({ errorCode: 0, generationId: 2 })
    expect(await sync(2, Buffer.alloc(50_000))).toMatchObject({ errorCode: 0 })
    expect(await rejoin()).toMatchObject({ errorCode: 0, generationId: 3 })
    await allow(6_000)
    expect(await sync(3, large)).toMatchObject({ errorCode: 0 })
    await close()
  })

  it('forgets offsets after offsets.retention.minutes, looking every offsets.retention.check.interval.ms', async () => {
    const settings = { ...few, 'offsets.retention.minutes': '2', 'offsets.retention.check.interval.ms': '50000' }
    const { clock, brokers, close } = await openGroups({ settings })
    const { groups } = brokers[0]!
    await groups.coordinatorOf('group')
    await settle()
    await commit(groups, 'group', 5)
    await clock.advance(149_999)
    expect(await committed(groups, 'group')).toEqual({ 'topic-0': 5 })
    await clock.advance(1)
    await settle()
    expect(await committed(groups, 'group')).toEqual({})
    await close()
  })

  it('answers with NOT_COORDINATOR when it is closed, also those who wait', async () => {
    const { brokers, close } = await openGroups({ settings: few })
    const { groups } = brokers[0]!
    await groups.coordinatorOf('group')
    const joining = groups.joinGroup(joinRequest('group'), oldClient)
    await settle()
    const refused = errorOf(() => joining)
    await close()
    expect(await refused).toBe('NOT_COORDINATOR')
    expect(await errorOf(() => commit(groups, 'group', 1))).toBe('NOT_COORDINATOR')
  })
})

describe('a data directory of Apache Kafka 4.3.1', () => {
  it('shows its groups and committed offsets', async () => {
    const fixtures = join(import.meta.dirname, '../fixtures/kafka-4.3.1')
    const root = mkdtempSync(join(tmpdir(), 'odradek-groups-'))
    execFileSync('tar', ['xzf', join(fixtures, 'data-dir-4.3.1.tar.gz'), '-C', root])
    const expected = JSON.parse(readFileSync(join(fixtures, 'data-dir-4.3.1.json'), 'utf8')) as {
      committedOffsets: Record<string, Record<string, { offset: number; leaderEpoch: number; metadata: string }>>
    }
    const { brokers, close } = await openGroups({ files: nodeFileSystem, path: join(root, 'data') })
    const { groups } = brokers[0]!
    for (const [groupId, offsets] of Object.entries(expected.committedOffsets)) {
      const topics = await groups.fetchOffsets({ groupId, topics: null }, true)
      const found = topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex, committedOffset: offset, committedLeaderEpoch: leaderEpoch, metadata }) => [
          `${name}-${partitionIndex}`,
          { offset, leaderEpoch, metadata },
        ]),
      )
      const wanted = Object.entries(offsets).map(([name, { offset, leaderEpoch, metadata }]) => [
        name,
        { offset, leaderEpoch, metadata },
      ])
      expect(Object.fromEntries(found)).toEqual(Object.fromEntries(wanted))
    }
    const listed = await groups.listGroups(allGroups)
    expect(Object.fromEntries(listed.map(({ groupId, groupType }) => [groupId, groupType]))).toMatchObject({
      'admin-group': 'classic',
      'classic-group': 'classic',
      'modern-group': 'consumer',
      'share-group': 'share',
    })
    await close()
    rmSync(root, { recursive: true, force: true })
  })
})
