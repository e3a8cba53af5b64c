/**
 * groups/assignors: `uniform` where all members subscribe to the same topics: everybody keeps what it has up to its quota, the rest goes to
 * those below theirs. Source: UniformHomogeneousAssignmentBuilder of Kafka 4.3's group coordinator.
 */
import { inHashMapOrder, JavaHashSet, stringHash, uuidHashes } from './java-order.ts'
import type { GroupSpec, MemberAssignment, TopicsView } from './server-assignor.ts'
import { partitionCountOf, TargetAssignment } from './target-assignment.ts'

type TopicPartition = { readonly topicId: string; readonly partition: number }

export function assignHomogeneous(group: GroupSpec, topics: TopicsView): Map<string, MemberAssignment> {
  const memberIds = inHashMapOrder(group.members.keys(), stringHash)
  const { subscribedTopicIds } = group.members.get(memberIds[0]!)!
  if (subscribedTopicIds.size === 0) return new Map(memberIds.map((memberId) => [memberId, new Map()]))
  const { unassigned, count } = unassignedPartitions(group, subscribedTopicIds, topics)
  const minQuota = Math.floor(count / memberIds.length)
  let extras = count % memberIds.length
  const hashOf = uuidHashes()
  const targets = new Map<string, TargetAssignment>()
  const belowQuota: { target: TargetAssignment; room: number }[] = []
  for (const [index, memberId] of memberIds.entries()) {
    const { assigned } = group.members.get(memberId)!
    const mayHaveExtra = extras > 0
    const target = new TargetAssignment(assigned, hashOf)
    const kept = keep(target, minQuota + (mayHaveExtra ? 1 : 0), subscribedTopicIds)
    unassigned.push(...kept.revoked)
    // Somebody after it may have an extra partition already: then it needn't get one.
    const canPassOn = kept.room > 0 && memberIds.length - index > extras
    const takesExtra = mayHaveExtra && !canPassOn
    if (takesExtra) extras -= 1
    const room = kept.room - (mayHaveExtra && canPassOn ? 1 : 0)
    targets.set(memberId, target)
    if (room > 0) belowQuota.push({ target, room })
  }
  let next = 0
  for (const { target, room } of belowQuota) {
    target.copy()
    for (let given = 0; given < room && next < unassigned.length; given += 1, next += 1) {
      const { topicId, partition } = unassigned[next]!
      target.add(topicId, partition)
    }
  }
  return new Map([...targets].map(([memberId, target]) => [memberId, target.result()]))
}

/** And how many partitions there are in all. */
function unassignedPartitions(group: GroupSpec, topicIds: ReadonlySet<string>, topics: TopicsView) {
  const assigned = new Map<string, Set<number>>()
  for (const member of group.members.values())
    for (const [topicId, partitions] of member.assigned) {
      if (!assigned.has(topicId)) assigned.set(topicId, new Set())
      for (const partition of partitions) assigned.get(topicId)!.add(partition)
    }
  const unassigned: TopicPartition[] = []
  let count = 0
  for (const topicId of JavaHashSet.copy(topicIds, uuidHashes())) {
    const partitions = partitionCountOf(topicId, topics)
    for (let partition = 0; partition < partitions; partition += 1)
      if (!assigned.get(topicId)?.has(partition)) unassigned.push({ topicId, partition })
    count += partitions
  }
  return { unassigned, count }
}

/** What a member keeps of what it has, how much more would fit, and what is taken from it because it is above its quota. */
function keep(target: TargetAssignment, quota: number, topicIds: ReadonlySet<string>) {
  let room = quota
  const revoked: TopicPartition[] = []
  for (const [topicId, partitions] of target.entries()) {
    if (!topicIds.has(topicId)) target.deleteTopic(topicId)
    else if (partitions.length <= room) room -= partitions.length
    else
      for (const partition of partitions) {
        if (room > 0) room -= 1
        else {
          target.delete(topicId, partition)
          revoked.push({ topicId, partition })
        }
      }
  }
  return { room, revoked }
}
