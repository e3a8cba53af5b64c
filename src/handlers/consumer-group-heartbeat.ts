/** handlers: ConsumerGroupHeartbeat: a member of a consumer group joins, stays, leaves and gets its assignment (KIP-848). */
import { errorCode, KafkaError } from '../../protocol/errors.ts'
import { consumerGroupHeartbeat } from '../../protocol/messages/consumer-group-heartbeat.ts'
import { requireConsumerProtocol } from './consumer-protocol.ts'
import { handle } from './handler.ts'

/** Those that Kafka finds before it asks the group say nothing more. */
const withoutMessage = (
  ['UNSUPPORTED_VERSION', 'GROUP_AUTHORIZATION_FAILED', 'TOPIC_AUTHORIZATION_FAILED', 'NOT_COORDINATOR'] as const
).map((error) => errorCode(error))

export const consumerGroupHeartbeatHandler = handle(consumerGroupHeartbeat, {
  async serve(request, context) {
    const { groups, access, apiVersion, clientId, connection } = context
    requireConsumerProtocol(context)
    access.require('Group', request.groupId, 'Read')
    const canDescribe = (topic: string): boolean => access.isAllowed('Topic', topic, 'Describe')
    if (request.subscribedTopicNames?.every(canDescribe) === false) throw new KafkaError('TOPIC_AUTHORIZATION_FAILED')
    const { assignment, ...result } = await groups.consumerGroupHeartbeat(request, {
      clientId: clientId ?? '',
      clientHost: `/${connection.clientAddress}`,
      makesMemberId: apiVersion >= 1,
      canDescribe,
    })
    const topicPartitions = assignment?.topicPartitions.map(({ topicId, partitions }) => ({
      topicId,
      partitions: [...partitions],
    }))
    return { ...result, assignment: topicPartitions === undefined ? null : { topicPartitions } }
  },
  fail: (_request, errorCode, _context, errorMessage) => ({
    errorCode,
    errorMessage: withoutMessage.includes(errorCode) ? null : errorMessage,
  }),
})
