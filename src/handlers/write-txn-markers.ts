/** handlers: WriteTxnMarkers: a transaction coordinator, or an administrator who aborts a hanging transaction, ends it in partitions led here. */
import { KafkaError } from '../../protocol/errors.ts'
import {
  type WriteTxnMarkersRequest,
  type WriteTxnMarkersResponse,
  writeTxnMarkers,
} from '../../protocol/messages/write-txn-markers.ts'
import { startInTurns } from '../runtime/turns.ts'
import { clusterResource } from '../security/acl.ts'
import type { Context } from './context.ts'
import { handle } from './handler.ts'

type AskedMarker = WriteTxnMarkersRequest['markers'][number]

/** Error codes of each producer's partitions: producer id, topic, partition. */
type Outcomes = Map<bigint, Map<string, Map<number, number>>>

export const writeTxnMarkersHandler = handle(writeTxnMarkers, {
  async serve({ markers }, context) {
    const { access } = context
    // Whoever may alter the cluster may abort a transaction (KIP-664).
    if (!access.isAllowed('Cluster', clusterResource, 'Alter')) {
      access.require('Cluster', clusterResource, 'ClusterAction')
    }
    const outcomes: Outcomes = new Map()
    await startInTurns(eachPartition(markers), async ({ marker, topic, partition }) => {
      const code = await write(marker, topic, partition, context)
      note(outcomes, marker.producerId, topic, partition, code)
    })
    return answerOf(markers, outcomes)
  },
  fail({ markers }, errorCode) {
    const outcomes: Outcomes = new Map()
    for (const { marker, topic, partition } of eachPartition(markers)) {
      note(outcomes, marker.producerId, topic, partition, errorCode)
    }
    return answerOf(markers, outcomes)
  },
})

function eachPartition(markers: readonly AskedMarker[]) {
  return markers.flatMap((marker) =>
    marker.topics.flatMap(({ name, partitionIndexes }) =>
      partitionIndexes.map((partition) => ({ marker, topic: name, partition })),
    ),
  )
}

/** Resolves with the error code, 0 for none. */
async function write(asked: AskedMarker, topic: string, partition: number, context: Context): Promise<number> {
  try {
    requireHosted(topic, partition, context)
    const { producerId, producerEpoch, coordinatorEpoch, transactionResult, transactionVersion } = asked
    const marker = { producerId, producerEpoch, coordinatorEpoch, isCommit: transactionResult, transactionVersion }
    await context.markers.write(marker, topic, partition)
    return 0
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    return error.code
  }
}

/** A partition that is offline is to Kafka one that is not there. */
function requireHosted(topic: string, index: number, { broker, cluster }: Context): void {
  const partition = cluster.topics.byName(topic)?.partitions[index]
  if (partition === undefined || partition.isOffline || !partition.replicas.includes(broker.id)) {
    throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
  }
  if (!broker.leads(partition)) throw new KafkaError('NOT_LEADER_OR_FOLLOWER')
}

function note(outcomes: Outcomes, producerId: bigint, topic: string, partition: number, code: number): void {
  const byTopic = outcomes.get(producerId) ?? new Map<string, Map<number, number>>()
  outcomes.set(producerId, byTopic)
  const byPartition = byTopic.get(topic) ?? new Map<number, number>()
  byTopic.set(topic, byPartition)
  byPartition.set(partition, code)
}

/** Each producer once, in the order of the request. */
function answerOf(markers: readonly AskedMarker[], outcomes: Outcomes): WriteTxnMarkersResponse {
  const producerIds = [...new Set(markers.map(({ producerId }) => producerId))].filter((id) => outcomes.has(id))
  return {
    markers: producerIds.map((producerId) => ({
      producerId,
      topics: Array.from(outcomes.get(producerId)!, ([name, byPartition]) => ({
        name,
        partitions: Array.from(byPartition, ([partitionIndex, errorCode]) => ({ partitionIndex, errorCode })),
      })),
    })),
  }
}
