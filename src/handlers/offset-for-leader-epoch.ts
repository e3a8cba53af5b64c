/** handlers: OffsetForLeaderEpoch: where an epoch ends, so that a reader notices that its log was truncated (KIP-101, KIP-320). */
import { offsetForLeaderEpoch } from '../../protocol/messages/offset-for-leader-epoch.ts'
import { mapInTurns } from '../runtime/turns.ts'
import { clusterResource } from '../security/acl.ts'
import { answerEach, handle } from './handler.ts'

export const offsetForLeaderEpochHandler = handle(offsetForLeaderEpoch, {
  async serve(request, { broker, access }) {
    // Brokers ask each other as followers do.
    const isOfCluster = access.isAllowed('Cluster', clusterResource, 'ClusterAction')
    const topics = await mapInTurns(request.topics, async ({ topic, partitions }) => ({
      topic,
      partitions: await answerEach(
        partitions,
        ({ partition, currentLeaderEpoch, leaderEpoch }) => {
          if (!isOfCluster) access.require('Topic', topic, 'Describe')
          const { log } = broker.leaderFor(topic, partition, currentLeaderEpoch)
          return { partition, ...log.endOffsetForEpoch(leaderEpoch) }
        },
        ({ partition }, errorCode) => ({ partition, errorCode, leaderEpoch: -1, endOffset: -1 }),
      ),
    }))
    return { topics }
  },
  fail: (request, errorCode) => ({
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, errorCode, leaderEpoch: -1, endOffset: -1 })),
    })),
  }),
})
