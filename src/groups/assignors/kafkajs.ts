/**
 * groups/assignors: the client-side assignors for `partitionAssigners` of a kafkajs 2.2 consumer, so that its members share groups with
 * Kafka's Java client and librdkafka. What is used of kafkajs is typed here, so that only its users need it.
 */
import type { ClientAssignor, PreviousAssignment, Subscription } from './client-assignor.ts'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  latestVersion,
} from './consumer-protocol.ts'
import { rangeAssignor } from './range-assignor.ts'
import { roundRobinAssignor } from './round-robin-assignor.ts'
import type { TopicsView } from './server-assignor.ts'
import { cooperativeStickyAssignor, stickyAssignor } from './sticky-assignor.ts'

/** What the adapters use of kafkajs' cluster. */
export interface KafkaJsCluster {
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number; readonly replicas: number[] }[]
  addMultipleTargetTopics(topics: string[]): Promise<void>
  metadata(): Promise<{ readonly brokers: readonly { readonly nodeId: number; readonly rack?: string }[] }>
  // biome-ignore lint/suspicious/noExplicitAny: kafkajs' Broker, of whose type nothing else is needed
  findGroupCoordinator(group: { groupId: string }): Promise<any>
}

/** kafkajs' GroupMember; it hands on the instance id from JoinGroup version 5 on. */
export interface KafkaJsMember {
  readonly memberId: string
  readonly memberMetadata: Buffer
  readonly groupInstanceId?: string | null
}

/** kafkajs' Assigner. */
export interface KafkaJsAssigner {
  name: string
  version: number
  protocol(subscription: { topics: string[] }): { name: string; metadata: Buffer }
  assign(group: {
    members: KafkaJsMember[]
    topics: string[]
  }): Promise<{ memberId: string; memberAssignment: Buffer }[]>
}

/** kafkajs' PartitionAssigner: what stands in `partitionAssigners`. */
export type KafkaJsPartitionAssigner = (config: { cluster: KafkaJsCluster; groupId: string }) => KafkaJsAssigner

/** `rackId`: where this consumer is (KIP-881); give it the consumer's own `rackId` too, which decides where it fetches from. */
export type KafkaJsOptions = { readonly rackId?: string | null }

/**
 * An assignor for kafkajs. What the member was assigned, which kafkajs does not tell its assigners, is seen in the answers to its SyncGroup.
 *
 * kafkajs is an eager client: it stops everything before it joins. So it claims to own nothing while it does, also with
 * `cooperative-sticky`: the others in its group keep going, and its own partitions may go to anybody at once.
 */
export function kafkaJsAssigner(
  assignor: ClientAssignor,
  { rackId = null }: KafkaJsOptions = {},
): KafkaJsPartitionAssigner {
  return ({ cluster }) => {
    let previous: PreviousAssignment | null = null
    watchAssignments(cluster, (assignment) => {
      previous = assignment
    })
    return {
      name: assignor.name,
      version: latestVersion,
      protocol({ topics }) {
        const generationId = previous?.generationId ?? -1
        const metadata = encodeSubscription({ topics, userData: assignor.userData(previous), generationId, rackId })
        return { name: assignor.name, metadata }
      },
      async assign({ members }) {
        const subscriptions = new Map(
          members.map(({ memberId, memberMetadata, groupInstanceId = null }): [string, Subscription] => [
            memberId,
            { ...decodeSubscription(memberMetadata), groupInstanceId },
          ]),
        )
        const assignments = assignor.assign(subscriptions, await clusterView(cluster, [...subscriptions.values()]))
        return [...assignments].map(([memberId, assignment]) => ({
          memberId,
          memberAssignment: encodeAssignment(assignment),
        }))
      },
    }
  }
}

/** One of each, for consumers without a rack. `kafkaJsAssigners.sticky` goes into `partitionAssigners` as it is. */
export const kafkaJsAssigners = {
  range: kafkaJsAssigner(rangeAssignor),
  roundRobin: kafkaJsAssigner(roundRobinAssignor),
  sticky: kafkaJsAssigner(stickyAssignor),
  cooperativeSticky: kafkaJsAssigner(cooperativeStickyAssignor),
} satisfies Record<string, KafkaJsPartitionAssigner>

function watchAssignments(cluster: KafkaJsCluster, learn: (assignment: PreviousAssignment) => void): void {
  type Syncing = {
    syncGroup(request: { generationId: number }): Promise<{ memberAssignment: Buffer }>
  }
  const find = cluster.findGroupCoordinator.bind(cluster)
  cluster.findGroupCoordinator = async (group) => {
    const broker: Syncing = await find(group)
    const syncGroup: Syncing['syncGroup'] = async (request) => {
      const response = await broker.syncGroup(request)
      const partitions = [...decodeAssignment(response.memberAssignment)].map(([topic, of]) => ({
        topic,
        partitions: of,
      }))
      learn({ partitions, generationId: request.generationId })
      return response
    }
    return new Proxy(broker, {
      get: (target, property) => (property === 'syncGroup' ? syncGroup : Reflect.get(target, property)),
    })
  }
}

/** Others may subscribe to topics that this member does not know, and be in racks. */
async function clusterView(cluster: KafkaJsCluster, subscriptions: readonly Subscription[]): Promise<TopicsView> {
  const topics = [...new Set(subscriptions.flatMap((subscription) => [...subscription.topics]))]
  const isUnknown = (topic: string) => cluster.findTopicPartitionMetadata(topic).length === 0
  for (const topic of topics.filter(isUnknown)) {
    try {
      await cluster.addMultipleTargetTopics([topic])
    } catch {
      // There is none: its subscribers get nothing of it, until it appears and the group rebalances.
    }
  }
  const rackOf = new Map<number, string>()
  if (subscriptions.some(({ rackId }) => rackId))
    for (const { nodeId, rack } of (await cluster.metadata()).brokers) if (rack) rackOf.set(nodeId, rack)
  const replicasOf = new Map(
    topics.map((topic) => {
      const partitions = [...cluster.findTopicPartitionMetadata(topic)].sort((a, b) => a.partitionId - b.partitionId)
      return [topic, partitions.map(({ replicas }) => replicas)]
    }),
  )
  return {
    partitionCount: (topic) => replicasOf.get(topic)?.length ?? -1,
    racksOf: (topic, partition) =>
      new Set(replicasOf.get(topic)?.[partition]?.flatMap((replica) => rackOf.get(replica) ?? [])),
  }
}
