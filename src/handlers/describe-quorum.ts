/** DescribeQuorum (KIP-595, KIP-853): the quorum of the metadata log, which is this node alone. */
import { errorCode, KafkaError } from '../../protocol/errors.ts'
import { type DescribeQuorumRequest, describeQuorum } from '../../protocol/messages/describe-quorum.ts'
import { zeroUuid } from '../../protocol/schema/index.ts'
import { metadataTopic } from '../metadata/index.ts'
import { clusterResource } from '../security/acl.ts'
import { handle } from './handler.ts'

/** From here on directories and texts are told. */
const firstDirectoryVersion = 2

export const describeQuorumHandler = handle(describeQuorum, {
  serve(request, { access, cluster, clock, apiVersion }) {
    access.require('Cluster', clusterResource, 'Describe')
    if (!asksForMetadata(request)) return { errorCode: 0, errorMessage: '', topics: unknown(request, apiVersion) }
    const { metadata } = cluster
    const { id, directoryId, endpoints } = metadata.voter
    const nowMs = clock.now()
    const voter = {
      replicaId: id,
      replicaDirectoryId: metadata.kRaftVersion > 0 ? directoryId : zeroUuid,
      logEndOffset: metadata.endOffset,
      lastFetchTimestamp: nowMs,
      lastCaughtUpTimestamp: nowMs,
    }
    const partition = {
      partitionIndex: 0,
      errorCode: 0,
      errorMessage: '',
      leaderId: id,
      leaderEpoch: metadata.epoch,
      highWatermark: metadata.endOffset,
      currentVoters: [voter],
      observers: [],
    }
    const nodes = [{ nodeId: id, listeners: endpoints.map((endpoint) => ({ ...endpoint })) }]
    return {
      errorCode: 0,
      errorMessage: '',
      topics: [{ topicName: metadataTopic, partitions: [partition] }],
      nodes: apiVersion < firstDirectoryVersion ? [] : nodes,
    }
  },
  fail: (_request, code, _context, errorMessage) => ({ errorCode: code, errorMessage, topics: [] }),
})

/** Only alone: Kafka answers nothing else beside it. */
function asksForMetadata({ topics }: DescribeQuorumRequest): boolean {
  const [topic] = topics
  if (topics.length !== 1 || topic?.topicName !== metadataTopic) return false
  return topic.partitions.length === 1 && topic.partitions[0]?.partitionIndex === 0
}

function unknown({ topics }: DescribeQuorumRequest, apiVersion: number) {
  const { message } = new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
  return topics.map(({ topicName, partitions }) => ({
    topicName,
    partitions: partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      errorCode: errorCode('UNKNOWN_TOPIC_OR_PARTITION'),
      errorMessage: apiVersion < firstDirectoryVersion ? '' : message,
      leaderId: 0,
      leaderEpoch: 0,
      highWatermark: 0,
      currentVoters: [],
      observers: [],
    })),
  }))
}
