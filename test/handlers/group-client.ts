/** test: a client of a broker with a group coordinator, and what the tests of the group handlers share. */
import type { SimulatedClock } from '../../src/runtime/clock.ts'
import { type Access, openAccess } from '../../src/security/access.ts'
import { newTopic } from '../cluster/open-cluster.ts'
import { joinRequest, oldClient, openGroups } from '../groups/open-groups.ts'
import { Client } from './ask.ts'

export const groupId = 'group'

/** One broker that coordinates every group, with the topic `topic` of two partitions. */
export async function groupClient(access: Access = openAccess) {
  const opened = await openGroups({ settings: { 'offsets.topic.num.partitions': '2' } })
  const { cluster, clock, close } = opened
  const [{ broker, groups }] = opened.brokers as [(typeof opened.brokers)[number]]
  await cluster.createTopics([newTopic('topic', { numPartitions: 2 })])
  await groups.coordinatorOf(groupId)
  const client = new Client(broker, access, { groups })
  return { client, groups, cluster, clock, close, topicId: cluster.topics.byName('topic')!.id }
}

/** A consumer that is alone in its group, in generation 1. */
export async function soleMember(groups: Awaited<ReturnType<typeof groupClient>>['groups'], clock: SimulatedClock) {
  const joining = groups.joinGroup(joinRequest(groupId), oldClient)
  await clock.advance(0)
  await clock.advance(0)
  const { memberId, generationId } = await joining
  const identity = { groupId, memberId, generationId, groupInstanceId: null }
  const assignments = [{ memberId, assignment: Buffer.from('all') }]
  await groups.syncGroup({ ...identity, protocolType: 'consumer', protocolName: 'range', assignments })
  return identity
}

/** Every version of a range, `1-3` as 1, 2, 3. */
export function versions(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}
