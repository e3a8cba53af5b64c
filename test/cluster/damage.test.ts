/** A partition whose files are damaged: what clients are told, what is logged, and how it comes back. */
import { describe, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { deleteRecords } from '../../protocol/messages/delete-records.ts'
import { listOffsets } from '../../protocol/messages/list-offsets.ts'
import { metadata } from '../../protocol/messages/metadata.ts'
import { buildRecordBatch } from '../../protocol/records/index.ts'
import { deleteRecordsHandler } from '../../src/handlers/delete-records.ts'
import { listOffsetsHandler } from '../../src/handlers/list-offsets.ts'
import { metadataHandler } from '../../src/handlers/metadata.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { openGroups } from '../groups/open-groups.ts'
import { Client } from '../handlers/ask.ts'
import { recordingLogger } from '../runtime/recording-logger.ts'
import { newTopic, openCluster } from './open-cluster.ts'

const offline = { kafkaError: 'KAFKA_STORAGE_ERROR' }
const startMs = 1_700_000_000_000

async function damage(files: MemoryFileSystem, path: string, at: number): Promise<void> {
  const bytes = Buffer.from(await files.readFile(path))
  bytes[at] = bytes[at]! ^ 0x55
  await files.replaceFile(path, bytes)
}

/** A topic with three segments of a record each, on files of a broker that was stopped. */
async function stopped(): Promise<MemoryFileSystem> {
  const files = new MemoryFileSystem()
  const { cluster, brokers } = await openCluster({ files })
  await cluster.createTopics([newTopic('topic', { configs: [{ name: 'segment.ms', value: '1' }] }), newTopic('other')])
  for (let index = 0; index < 3; index += 1) {
    const record = { timestamp: startMs + index * 1000, key: null, value: Buffer.from('x') }
    await brokers[0]!.leaderFor('topic', 0).append(buildRecordBatch({}, [record]), -1)
  }
  await cluster.close()
  return files
}

const middle = '/data/topic-0/00000000000000000001.log'
const last = '/data/topic-0/00000000000000000002.log'
const fetchOptions = { maxBytes: 1000, minOneBatch: true, isolation: 'high_watermark' } as const

describe('a partition with a damaged segment', () => {
  it('answers KAFKA_STORAGE_ERROR to all that is asked of it, until the records up to there are deleted', async () => {
    const files = await stopped()
    await damage(files, middle, 16)
    const { logger, errors } = recordingLogger()
    const { brokers, cluster } = await openCluster({ files, logger })
    const broker = brokers[0]!
    const { log } = broker.leaderFor('topic', 0)
    await expect((async () => log.read(1, fetchOptions))()).rejects.toMatchObject(offline)
    expect(() => broker.leaderFor('topic', 0)).toThrow(expect.objectContaining(offline))
    expect(broker.leaderFor('other', 0).isOpen).toBe(true)
    expect(errors).toEqual([expect.stringContaining(`${middle} is damaged at byte 0`)])

    const client = new Client(broker)
    const offlineReplicas = async () => {
      const { topics } = await client.ask(metadataHandler, metadata, 12, { topics: null })
      return Object.fromEntries(topics.map(({ name, partitions }) => [name, partitions[0]!.offlineReplicas]))
    }
    expect(await offlineReplicas()).toEqual({ topic: [1], other: [] })
    const latest = async () => {
      const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1 }]
      const topics = [{ name: 'topic', partitions }]
      const answer = await client.ask(listOffsetsHandler, listOffsets, 7, { replicaId: -1, isolationLevel: 0, topics })
      return answer.topics[0]!.partitions[0]!
    }
    expect((await latest()).errorCode).toBe(errorCode('KAFKA_STORAGE_ERROR'))
    const deleteBefore = async (offset: number) => {
      const topics = [{ name: 'topic', partitions: [{ partitionIndex: 0, offset }] }]
      const answer = await client.ask(deleteRecordsHandler, deleteRecords, 2, { topics, timeoutMs: 1000 })
      return answer.topics[0]!.partitions[0]!
    }
    expect((await deleteBefore(1)).errorCode).toBe(errorCode('KAFKA_STORAGE_ERROR'))
    expect(await deleteBefore(2)).toMatchObject({ errorCode: 0, lowWatermark: 2 })
    expect(await latest()).toMatchObject({ errorCode: 0, offset: 3 })
    expect(await offlineReplicas()).toEqual({ topic: [], other: [] })
    expect((await log.read(2, fetchOptions)).records).toHaveLength(1)
    await cluster.close()
  })

  it('that can not be opened is said in one line, and the others are served', async () => {
    const files = await stopped()
    await damage(files, last, 16)
    const { logger, errors } = recordingLogger()
    const { brokers, cluster } = await openCluster({ files, logger })
    expect(() => brokers[0]!.leaderFor('topic', 0)).toThrow(expect.objectContaining(offline))
    expect(brokers[0]!.leaderFor('other', 0).isOpen).toBe(true)
    expect(errors).toEqual([
      expect.stringMatching(/^topic-0 is offline: .*2\.log is damaged at byte 0.*put back a copy/),
    ])
    await cluster.close()
    expect(await files.exists('/data/.kafka_cleanshutdown')).toBe(true)
  })
})

describe('damage in __consumer_offsets', () => {
  it('is found when a group is asked for: its coordinator is not available, and no offset is made up', async () => {
    const files = new MemoryFileSystem()
    const settings = { 'offsets.topic.num.partitions': '1' }
    const first = await openGroups({ files, settings })
    await first.cluster.ensureInternalTopic('__consumer_offsets')
    await first.cluster.createTopics([newTopic('topic')])
    const commit = {
      groupId: 'group',
      memberId: '',
      generationId: -1,
      groupInstanceId: null,
      retentionTimeMs: -1,
      topics: [
        {
          name: 'topic',
          topicId: first.cluster.topics.byName('topic')!.id,
          partitions: [{ partitionIndex: 0, committedOffset: 7, committedLeaderEpoch: -1, committedMetadata: '' }],
        },
      ],
    }
    await first.brokers[0]!.groups.commitOffsets(commit as never)
    await first.close()
    await damage(files, '/data/__consumer_offsets-0/00000000000000000000.log', 80)

    const { logger, errors } = recordingLogger()
    const again = await openGroups({ files, settings, logger })
    const fetch = { groupId: 'group', memberId: null, memberEpoch: -1, topics: null }
    await expect(again.brokers[0]!.groups.fetchOffsets(fetch as never, false)).rejects.toMatchObject({
      kafkaError: expect.stringMatching(/COORDINATOR/),
    })
    expect(errors).toEqual([
      expect.stringContaining('__consumer_offsets-0/00000000000000000000.log is damaged at byte 0: the checksum'),
    ])
    await again.close()
  })
})
