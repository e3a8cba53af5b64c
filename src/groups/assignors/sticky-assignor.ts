/**
 * groups/assignors: `sticky` and `cooperative-sticky`: as even as can be, and of all such assignments one that moves little. Source: Kafka's
 * StickyAssignor, CooperativeStickyAssignor (KIP-54, KIP-429, KIP-881).
 */
import {
  type Assignment,
  assignPartition,
  type ClientAssignor,
  type Subscription,
  type Subscriptions,
} from './client-assignor.ts'
import type { TopicsView } from './server-assignor.ts'
import { assignConstrained, type StickyResult } from './sticky-constrained.ts'
import { assignGeneral } from './sticky-general.ts'
import { generationOf, remove, type StickyGroup, stickyGroup } from './sticky-group.ts'
import {
  type Claim,
  decodeCooperativeStickyGeneration,
  decodeStickyUserData,
  encodeCooperativeStickyUserData,
  encodeStickyUserData,
} from './sticky-user-data.ts'

/** Members give all up before they join, so what they had is in their user data alone. */
export const stickyAssignor: ClientAssignor = {
  name: 'sticky',
  isCooperative: false,
  userData: (previous) => (previous === null ? null : encodeStickyUserData(previous.partitions, previous.generationId)),
  assign(subscriptions, topics) {
    const group = stickyGroup(subscriptions, topics, stickyClaim)
    return named(group, assign(group).assigned)
  },
}

/**
 * Members hold on to what they have while they join. A partition that is to go to another member is given to nobody yet: its owner learns that
 * it has lost it, gives it up and joins again, and in that second rebalance it finds its new owner.
 */
export const cooperativeStickyAssignor: ClientAssignor = {
  name: 'cooperative-sticky',
  isCooperative: true,
  userData: (previous) => encodeCooperativeStickyUserData(previous?.generationId ?? -1),
  assign(subscriptions, topics) {
    const group = stickyGroup(subscriptions, topics, cooperativeClaim)
    const { assigned, transferring } = assign(group)
    for (const [partition, member] of transferring) remove(assigned[member]!, partition)
    return named(group, assigned)
  },
}

/** The assignment in which everybody claims what it has, all of one generation. */
export function assignSticky(
  subscriptions: Subscriptions,
  topics: TopicsView,
  ownedBy: (subscription: Subscription) => Claim,
): Map<string, Assignment> {
  const group = stickyGroup(subscriptions, topics, ownedBy)
  return named(group, assign(group).assigned)
}

function assign(group: StickyGroup): StickyResult {
  if (group.subscribesAlike) return assignConstrained(group)
  const assigned = assignGeneral(group)
  return { assigned, transferring: transferringBetween(group, assigned) }
}

/** What somebody gets that somebody else still holds. */
function transferringBetween({ members, partitions }: StickyGroup, assigned: readonly number[][]): Map<number, number> {
  const transferring = new Map<number, number>()
  const held = members.map(({ subscription }) => {
    const owned = (subscription.ownedPartitions ?? []).flatMap(({ topic, partitions: of }) =>
      of.flatMap((partition) => partitions.find(topic, partition) ?? []),
    )
    return new Set(owned)
  })
  const lost = new Set<number>()
  for (const [member, owned] of held.entries()) {
    const kept = new Set(assigned[member])
    for (const partition of owned) if (!kept.has(partition)) lost.add(partition)
  }
  for (const [member, got] of assigned.entries())
    for (const partition of got)
      if (!held[member]!.has(partition) && lost.has(partition)) transferring.set(partition, member)
  return transferring
}

function named({ members, partitions }: StickyGroup, assigned: readonly number[][]): Map<string, Assignment> {
  return new Map(
    members.map(({ memberId }, member) => {
      const assignment: Assignment = new Map()
      for (const partition of assigned[member]!)
        assignPartition(assignment, partitions.topicNameOf(partition), partitions.partitionOf(partition))
      return [memberId, assignment]
    }),
  )
}

function stickyClaim({ userData }: Subscription): Claim {
  if (userData === undefined || userData === null || userData.length === 0)
    return { partitions: [], generationId: undefined }
  return decodeStickyUserData(userData)
}

/** From version 2 on the subscription itself has the generation. */
function cooperativeClaim(subscription: Subscription): Claim {
  const { userData, ownedPartitions: partitions = [] } = subscription
  const generationId = generationOf(subscription)
  if (generationId !== undefined || userData === undefined || userData === null) return { partitions, generationId }
  return { partitions, generationId: decodeCooperativeStickyGeneration(userData) }
}
