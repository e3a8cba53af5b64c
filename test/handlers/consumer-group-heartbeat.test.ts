/** ConsumerGroupHeartbeat at all versions, and what configs say about it. */
import { describe, expect, it } from 'vitest'
import { consumerGroupHeartbeat } from '../../protocol/messages/consumer-group-heartbeat.ts'
import { startBroker } from '../../src/broker.ts'
import { consumerGroupHeartbeatHandler } from '../../src/handlers/consumer-group-heartbeat.ts'
import { openGroups } from '../groups/open-groups.ts'
import { Client, only } from './ask.ts'
import { groupClient, groupId, versions } from './group-client.ts'

const joining = {
  groupId,
  memberId: 'm',
  rebalanceTimeoutMs: 60_000,
  subscribedTopicNames: ['topic'],
  topicPartitions: [],
}

it.each(versions(0, 1))('v%i joins and leaves', async (version) => {
  const { client, close, topicId } = await groupClient()
  const ask = (more: object) =>
    client.ask(consumerGroupHeartbeatHandler, consumerGroupHeartbeat, version, { ...joining, ...more })
  expect(await ask({})).toMatchObject({
    errorCode: 0,
    errorMessage: null,
    memberId: 'm',
    memberEpoch: 2,
    heartbeatIntervalMs: 5_000,
    assignment: { topicPartitions: [{ topicId, partitions: [0, 1] }] },
  })
  const beat = { memberEpoch: 2, rebalanceTimeoutMs: -1, subscribedTopicNames: null, topicPartitions: null }
  expect((await ask(beat)).assignment).toBeNull()
  expect(await ask({ ...beat, memberEpoch: -1 })).toMatchObject({ errorCode: 0, memberEpoch: -1 })
  expect(await ask(beat)).toMatchObject({ errorCode: 25, errorMessage: 'Member m is not a member of group group.' })
  await close()
})

it('makes the member id where the version leaves that to the broker', async () => {
  const { client, close } = await groupClient()
  const ask = (version: number) =>
    client.ask(consumerGroupHeartbeatHandler, consumerGroupHeartbeat, version, { ...joining, memberId: '' })
  expect((await ask(0)).memberId).toMatch(/^[\w-]{22}$/)
  expect(await ask(1)).toMatchObject({ errorCode: 42, errorMessage: "MemberId can't be empty." })
  await close()
})

it('is refused without the right to read the group, or to describe all its topics', async () => {
  const ask = async (...allowed: string[]) => {
    const { client, close } = await groupClient(only(...allowed))
    const answer = await client.ask(consumerGroupHeartbeatHandler, consumerGroupHeartbeat, 1, joining)
    await close()
    return { errorCode: answer.errorCode, errorMessage: answer.errorMessage }
  }
  expect(await ask()).toEqual({ errorCode: 30, errorMessage: null })
  expect(await ask('Group:group:Read')).toEqual({ errorCode: 29, errorMessage: null })
  expect(await ask('Group:group:Read', 'Topic:topic:Describe')).toEqual({ errorCode: 0, errorMessage: null })
})

it('is refused where the cluster has not finalised the protocol', async () => {
  const { client, cluster, close } = await groupClient()
  ;(cluster.features.levels as Map<string, number>).delete('group.version')
  const answer = await client.ask(consumerGroupHeartbeatHandler, consumerGroupHeartbeat, 1, joining)
  expect(answer.errorCode).toBe(35)
  await close()
})

describe('configs', () => {
  it('of the broker and of the group say how often to beat, how long to be silent, and how often targets are made', async () => {
    const opened = await openGroups({
      settings: { 'offsets.topic.num.partitions': '1', 'group.consumer.heartbeat.interval.ms': '6000' },
    })
    const { cluster, clock } = opened
    const [{ broker, groups }] = opened.brokers as [(typeof opened.brokers)[number]]
    await groups.coordinatorOf(groupId)
    const client = new Client(broker, undefined, { groups })
    const ask = (more: object = {}) =>
      client.ask(consumerGroupHeartbeatHandler, consumerGroupHeartbeat, 1, { ...joining, ...more })
    const configure = async (...configs: [string, string][]) => {
      const operations = configs.map(([name, value]) => ({ name, value, kind: 'SET' as const }))
      const resource = { type: 'group' as const, name: groupId, operations, replacesAll: false }
      const results = await cluster.alterConfigs(broker, [resource])
      expect(results).toEqual([undefined])
    }
    expect((await ask()).heartbeatIntervalMs).toBe(6_000)
    await configure(
      ['consumer.heartbeat.interval.ms', '7000'],
      ['consumer.session.timeout.ms', '50000'],
      ['consumer.assignment.interval.ms', '15000'],
    )
    const beat = { memberEpoch: 2, rebalanceTimeoutMs: -1, subscribedTopicNames: null, topicPartitions: null }
    expect((await ask(beat)).heartbeatIntervalMs).toBe(7_000)
    await clock.advance(14_000)
    await ask({ memberId: 'n' })
    expect(await groups.describeConsumerGroup(groupId)).toMatchObject({ groupState: 'Assigning' })
    await clock.advance(1_000)
    await ask(beat)
    expect(await groups.describeConsumerGroup(groupId)).toMatchObject({ groupEpoch: 3, assignmentEpoch: 3 })
    await clock.advance(48_500)
    expect((await groups.describeConsumerGroup(groupId)).members).toHaveLength(2)
    await clock.advance(2_000)
    expect((await groups.describeConsumerGroup(groupId)).members).toHaveLength(0)
    await opened.close()
  })

  it('that name an assignor that is not there are refused at the start', async () => {
    const settings = { 'group.consumer.assignors': 'uniform,com.example.Mine' }
    await expect(startBroker({ port: 0, memory: true, settings })).rejects.toThrow(
      /group\.consumer\.assignors names com\.example\.Mine, which is not one of uniform, range/,
    )
  })
})
