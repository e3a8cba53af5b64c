/** A disk that is full: what it takes offline, and what is there when it has room again. */
import { describe, expect, it } from 'vitest'
import { buildRecordBatch } from '../../protocol/records/index.ts'
import type { Broker } from '../../src/cluster/broker.ts'
import { MemoryFileSystem, systemError } from '../../src/runtime/memory-file-system.ts'
import { recordingLogger } from '../runtime/recording-logger.ts'
import { newTopic, openCluster } from './open-cluster.ts'

const offline = expect.objectContaining({ kafkaError: 'KAFKA_STORAGE_ERROR' })

function send(broker: Broker, topic: string, baseSequence: number) {
  const header = { producerId: 7n, producerEpoch: 0, baseSequence }
  const record = { timestamp: 1_700_000_000_000, key: null, value: Buffer.alloc(100, baseSequence) }
  return broker.leaderFor(topic, 0).append(buildRecordBatch(header, [record]), -1)
}

/** Below `path` there is room for no more than half of the next write to its first segment. */
async function fill(files: MemoryFileSystem, path: string): Promise<void> {
  const segment = `${path}/00000000000000000000.log`
  const isThere = await files.exists(segment)
  const handle = isThere ? await files.open(segment, 'write') : undefined
  const size = isThere ? await files.sizeOf(segment) : 0
  let hasRoom = true
  files.beforeCall = (operation, file) => {
    if (!file.startsWith(path) || !['write', 'makeDirectory', 'replaceFile'].includes(operation)) return
    if (hasRoom) {
      hasRoom = false
      const refuse = files.beforeCall
      files.beforeCall = () => {}
      handle?.writeNow(size, [Buffer.alloc(80, 1)])
      files.beforeCall = refuse
    }
    throw systemError('ENOSPC', file)
  }
}

describe('a full disk', () => {
  it('takes the partition offline that is written to; with room again all that was acknowledged is there', async () => {
    const files = new MemoryFileSystem()
    const { logger, errors } = recordingLogger()
    const { cluster, brokers } = await openCluster({ files, logger })
    const broker = brokers[0]!
    await cluster.createTopics([newTopic('topic'), newTopic('other')])
    for (let sequence = 0; sequence < 5; sequence += 1) await send(broker, 'topic', sequence)
    let woken = 0
    broker.leaderFor('topic', 0).onAdvance(() => {
      woken += 1
    })
    await fill(files, '/data/topic-0')
    const outcomes = await Promise.allSettled([send(broker, 'topic', 5), send(broker, 'topic', 6)])
    expect(outcomes).toEqual([
      { status: 'rejected', reason: offline },
      { status: 'rejected', reason: offline },
    ])
    expect(woken).toBe(1)
    expect(() => broker.leaderFor('topic', 0)).toThrow(offline)
    expect((await send(broker, 'other', 0)).baseOffset).toBe(0)
    expect(errors).toEqual(['writing failed: the partition is offline'])

    files.beforeCall = () => {}
    await cluster.close()
    const again = await openCluster({ files })
    expect(again.brokers[0]!.leaderFor('topic', 0).log.logEndOffset).toBe(5)
    expect((await send(again.brokers[0]!, 'topic', 4)).baseOffset).toBe(4)
    expect((await send(again.brokers[0]!, 'topic', 5)).baseOffset).toBe(5)
    await again.cluster.close()
  })

  it('lets a new partition be made when it has room again, at the next start', async () => {
    const files = new MemoryFileSystem()
    const { logger, errors } = recordingLogger()
    const { cluster, brokers } = await openCluster({ files, logger })
    await fill(files, '/data/topic-0')
    await cluster.createTopics([newTopic('topic')])
    await cluster.createTopics([newTopic('other')])
    expect(() => brokers[0]!.leaderFor('topic', 0)).toThrow(offline)
    expect(brokers[0]!.leaderFor('other', 0).isOpen).toBe(true)
    expect(errors).toEqual([expect.stringMatching(/^topic-0 is offline: ENOSPC/)])
    files.beforeCall = () => {}
    await cluster.close()
    const again = await openCluster({ files })
    expect((await send(again.brokers[0]!, 'topic', 0)).baseOffset).toBe(0)
    await again.cluster.close()
  })

  it('does not keep the broker from stopping, and loses nothing when it does', async () => {
    const files = new MemoryFileSystem()
    const { cluster, brokers } = await openCluster({ files })
    await cluster.createTopics([newTopic('topic')])
    await send(brokers[0]!, 'topic', 0)
    files.beforeCall = (operation, path) => {
      if (['write', 'replaceFile'].includes(operation)) throw systemError('ENOSPC', path)
    }
    await expect(cluster.close()).rejects.toThrow(/ENOSPC/)
    files.beforeCall = () => {}
    const again = await openCluster({ files })
    expect(again.brokers[0]!.leaderFor('topic', 0).log.logEndOffset).toBe(1)
    await again.cluster.close()
  })
})
