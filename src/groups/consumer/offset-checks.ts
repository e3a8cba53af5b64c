/** groups/consumer: whether somebody may commit or fetch offsets as a member of a consumer group. Messages are Kafka's. */
import { KafkaError } from '../../../protocol/errors.ts'
import type { OffsetCommit, OffsetFetch, TransactionalOffsetCommit } from '../group-requests.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { requireMember } from './member-identity.ts'

/**
 * Members commit in their epoch; in an earlier one (KIP-1251) for partitions that they have had since then.
 * @throws KafkaError UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH, UNSUPPORTED_VERSION, and ILLEGAL_GENERATION for members of the classic protocol
 */
export function requireCommit(group: ConsumerGroup, commit: OffsetCommit): void {
  const { memberId, generationId: memberEpoch, topics } = commit
  if (memberEpoch < 0 && group.isEmpty) return
  const member = requireMember(group, memberId)
  const isClassic = member.classic !== null
  if (!isClassic && !commit.knowsGroupIdNotFound) {
    const message = 'OffsetCommit version 9 or above must be used by members using the consumer group protocol'
    throw new KafkaError('UNSUPPORTED_VERSION', message)
  }
  if (memberEpoch === member.memberEpoch) return
  const name = isClassic ? 'generation id' : 'member epoch'
  const stale = (problem: string): KafkaError => staleEpoch(isClassic, problem)
  if (memberEpoch > member.memberEpoch)
    throw stale(`Received ${name} ${memberEpoch} is newer than current member epoch ${member.memberEpoch}.`)
  for (const { name: topic, topicId, partitions } of topics) {
    for (const { partitionIndex: partition } of partitions) {
      const epoch =
        member.assigned.get(topicId)?.get(partition) ?? member.pendingRevocation.get(topicId)?.get(partition)
      if (epoch === undefined)
        throw stale(`Partition ${topic}-${partition} is not assigned or pending revocation for member.`)
      if (memberEpoch < epoch) {
        const problem = `is older than assignment epoch ${epoch} for partition ${topic}-${partition}.`
        throw stale(`Received ${name} ${memberEpoch} ${problem}`)
      }
    }
  }
}

/**
 * The same within a transaction, where clients may leave out who they are, and know only the errors of classic groups (KIP-447).
 * @throws KafkaError UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION
 */
export function requireTransactionalCommit(group: ConsumerGroup, commit: TransactionalOffsetCommit): void {
  const { memberId, generationId, groupInstanceId } = commit
  if (generationId === -1 && memberId === '' && groupInstanceId === null) return
  try {
    requireCommit(group, { ...commit, retentionTimeMs: -1, knowsGroupIdNotFound: true })
  } catch (error) {
    if (!(error instanceof KafkaError && error.kafkaError === 'STALE_MEMBER_EPOCH')) throw error
    throw new KafkaError('ILLEGAL_GENERATION')
  }
}

/** `memberId` null and `memberEpoch` -1: nobody's. @throws KafkaError UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH, ILLEGAL_GENERATION */
export function requireFetch(
  group: ConsumerGroup,
  { memberId, memberEpoch }: NonNullable<OffsetFetch['member']>,
): void {
  if (memberId === null && memberEpoch < 0) return
  const member = requireMember(group, memberId ?? '')
  if (memberEpoch === member.memberEpoch) return
  const isClassic = member.classic !== null
  const name = isClassic ? 'generation id' : 'member epoch'
  const problem = `does not match the expected member epoch ${member.memberEpoch}.`
  throw staleEpoch(isClassic, `The received ${name} ${memberEpoch} ${problem}`)
}

function staleEpoch(isClassic: boolean, message: string): KafkaError {
  return new KafkaError(isClassic ? 'ILLEGAL_GENERATION' : 'STALE_MEMBER_EPOCH', message)
}
