/** groups/consumer: what members ask of a consumer group and what they get, as this room sees it; and what a request must be like. */
import { KafkaError } from '../../../protocol/errors.ts'
import type { ConsumerGroupState } from './consumer-group.ts'
import { leftMemberEpoch, leftStaticMemberEpoch } from './consumer-group-member.ts'
import type { TopicPartitions } from './partitions.ts'

/** null, and -1 for the timeout: as the member said before. */
export interface ConsumerGroupHeartbeat {
  readonly groupId: string
  readonly memberId: string
  /** 0 joins, -1 leaves, -2 leaves for a while (static members). */
  readonly memberEpoch: number
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly rebalanceTimeoutMs: number
  readonly subscribedTopicNames: readonly string[] | null
  readonly subscribedTopicRegex: string | null
  readonly serverAssignor: string | null
  /** What the member owns. */
  readonly topicPartitions: readonly TopicPartitions[] | null
}

/** Who sends a heartbeat. */
export interface ConsumerGroupClient {
  readonly clientId: string
  readonly clientHost: string
  /** Members make their ids themselves (from v1 on). */
  readonly makesMemberId: boolean
  /** Whether it may see the topic: regular expressions stand for no others. */
  canDescribe(topic: string): boolean
}

export interface ConsumerGroupHeartbeatResult {
  readonly memberId: string
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  /** null: unchanged. */
  readonly assignment: { readonly topicPartitions: readonly TopicPartitions[] } | null
}

interface DescribedAssignment {
  readonly topicPartitions: readonly (TopicPartitions & { readonly topicName: string })[]
}

export interface DescribedConsumerGroup {
  readonly groupState: ConsumerGroupState
  readonly groupEpoch: number
  readonly assignmentEpoch: number
  readonly assignorName: string
  readonly members: readonly {
    readonly memberId: string
    readonly instanceId: string | null
    readonly rackId: string | null
    readonly memberEpoch: number
    readonly clientId: string
    readonly clientHost: string
    readonly subscribedTopicNames: readonly string[]
    readonly subscribedTopicRegex: string | null
    readonly assignment: DescribedAssignment
    readonly targetAssignment: DescribedAssignment
    /** 0: uses the classic protocol, 1: the consumer protocol. */
    readonly memberType: number
  }[]
}

/** Strings in keys of `__consumer_offsets` have a length of 16 bits. */
const maxIdBytes = 32_767

/** Messages are Kafka's. @throws KafkaError INVALID_REQUEST, UNSUPPORTED_ASSIGNOR */
export function requireValidHeartbeat(
  request: ConsumerGroupHeartbeat,
  { makesMemberId }: ConsumerGroupClient,
  assignors: readonly string[],
): void {
  const { memberEpoch, serverAssignor } = request
  if (makesMemberId || memberEpoch > 0 || memberEpoch === leftMemberEpoch) requireText(request.memberId, 'MemberId')
  requireText(request.groupId, 'GroupId')
  requireText(request.instanceId, 'InstanceId')
  requireText(request.rackId, 'RackId')
  if (memberEpoch === 0) requireFullJoin(request)
  else if (memberEpoch === leftStaticMemberEpoch && request.instanceId === null)
    throw invalid("InstanceId can't be null.")
  else if (memberEpoch < leftStaticMemberEpoch) throw invalid('MemberEpoch is invalid.')
  if (serverAssignor !== null && !assignors.includes(serverAssignor)) {
    const message = `ServerAssignor ${serverAssignor} is not supported. Supported assignors: ${assignors.join(', ')}.`
    throw new KafkaError('UNSUPPORTED_ASSIGNOR', message)
  }
  for (const id of [request.memberId, request.groupId]) {
    if (Buffer.byteLength(id) > maxIdBytes) throw invalid(`Ids can't be longer than ${maxIdBytes} bytes.`)
  }
}

function requireFullJoin(request: ConsumerGroupHeartbeat): void {
  if (request.rebalanceTimeoutMs === -1) throw invalid('RebalanceTimeoutMs must be provided in first request.')
  if (request.topicPartitions === null || request.topicPartitions.length > 0)
    throw invalid('TopicPartitions must be empty when (re-)joining.')
  if (request.subscribedTopicNames === null && request.subscribedTopicRegex === null)
    throw invalid('Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.')
}

function requireText(value: string | null, name: string): void {
  if (value !== null && value.trim() === '') throw invalid(`${name} can't be empty.`)
}

function invalid(message: string): KafkaError {
  return new KafkaError('INVALID_REQUEST', message)
}

/** Only such a request says all that a member can say; it is answered with the whole assignment. */
export function isFullHeartbeat(request: ConsumerGroupHeartbeat): boolean {
  return (
    request.memberEpoch === 0 ||
    (request.rebalanceTimeoutMs !== -1 &&
      (request.subscribedTopicNames !== null || request.subscribedTopicRegex !== null) &&
      request.topicPartitions !== null)
  )
}
