import { beforeEach, describe, expect, it } from 'vitest'
import { KafkaError } from '../../protocol/errors.ts'
import { zeroUuid } from '../../protocol/schema/index.ts'
import type { Broker } from '../../src/cluster/broker.ts'
import { type FetchAnswer, Fetcher, type FetchOptions, type FetchRequest } from '../../src/fetch/fetcher.ts'
import type { ReadOptions } from '../../src/log/partition-log.ts'
import { SimulatedClock, settle } from '../../src/runtime/clock.ts'
import { SeededRandom } from '../../src/runtime/random.ts'

/** A partition whose log is a list of batches, each one offset long. */
class FakePartition {
  readonly topic: string
  readonly batches: Buffer[] = []
  readonly listeners = new Set<() => void>()
  lastStableOffset = Number.POSITIVE_INFINITY
  /** Reads answer with a promise. */
  isCold = false
  reads: ReadOptions[] = []

  constructor(topic: string) {
    this.topic = topic
  }

  append(sizeInBytes: number): void {
    this.batches.push(Buffer.alloc(sizeInBytes, this.batches.length))
    for (const listener of this.listeners) listener()
  }

  onAdvance(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  readonly log = {
    partition: this as FakePartition,
    get highWatermark(): number {
      return this.partition.batches.length
    },
    get lastStableOffset(): number {
      return Math.min(this.partition.batches.length, this.partition.lastStableOffset)
    },
    logStartOffset: 0,
    endOffsetForEpoch: (epoch: number) =>
      epoch === 3 ? { leaderEpoch: 3, endOffset: 5 } : { leaderEpoch: -1, endOffset: -1 },
    read(fromOffset: number, options: ReadOptions) {
      this.partition.reads.push(options)
      const { highWatermark, lastStableOffset, logStartOffset } = this
      const end = options.isolation === 'txn_committed' ? lastStableOffset : highWatermark
      if (fromOffset > highWatermark) throw new KafkaError('OFFSET_OUT_OF_RANGE')
      const records: Buffer[] = []
      let sizeInBytes = 0
      for (let offset = fromOffset; offset < end; offset += 1) {
        const batch = this.partition.batches[offset]!
        const fits = sizeInBytes + batch.length <= options.maxBytes
        if (!fits && !(options.minOneBatch && records.length === 0)) break
        records.push(batch)
        sizeInBytes += batch.length
      }
      const abortedTransactions = options.isolation === 'txn_committed' ? [] : undefined
      const result = { records, sizeInBytes, highWatermark, lastStableOffset, logStartOffset, abortedTransactions }
      return this.partition.isCold ? Promise.resolve(result) : result
    },
  }
}

let clock: SimulatedClock
let fetcher: Fetcher
let partitions: Map<string, FakePartition>
let closeListeners: Set<() => void>
let options: FetchOptions

beforeEach(() => {
  clock = new SimulatedClock()
  partitions = new Map(['a', 'b'].map((topic) => [topic, new FakePartition(topic)]))
  const leaderFor = (topic: string): FakePartition => {
    const partition = partitions.get(topic)
    if (partition === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
    return partition
  }
  const broker = { leaderFor } as unknown as Broker
  fetcher = new Fetcher(broker, {
    clock,
    random: new SeededRandom(1),
    maxBytes: 10_000,
    maxSessions: 10,
    evictionMs: 1000,
  })
  closeListeners = new Set()
  options = {
    usesTopicIds: false,
    hardMaxBytes: false,
    isReadable: () => true,
    onClose(listener) {
      closeListeners.add(listener)
      return () => closeListeners.delete(listener)
    },
  }
})

function request(
  offsets: Record<string, number>,
  more: Partial<FetchRequest> & { lastFetchedEpoch?: number } = {},
): FetchRequest {
  return {
    replicaId: -1,
    maxWaitMs: 500,
    minBytes: 1,
    maxBytes: 1_000_000,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    forgottenTopicsData: [],
    topics: Object.entries(offsets).map(([topic, fetchOffset]) => ({
      topic,
      topicId: zeroUuid,
      partitions: [
        {
          partition: 0,
          fetchOffset,
          partitionMaxBytes: 1000,
          currentLeaderEpoch: -1,
          lastFetchedEpoch: more.lastFetchedEpoch ?? -1,
        },
      ],
    })),
    ...more,
  }
}

const sizes = (answer: FetchAnswer): Record<string, number[]> =>
  Object.fromEntries(
    answer.responses.map(({ topic, partitions }) => [
      topic,
      partitions.flatMap(({ records }) => records.map((each) => each.length)),
    ]),
  )

const errors = (answer: FetchAnswer): number[] =>
  answer.responses.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))

/** Whether `promise` is settled when all that can run has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  promise.then(
    () => (settled = true),
    () => (settled = true),
  )
  await settle()
  return settled
}

describe('a fetch', () => {
  it('answers at once with what is there', async () => {
    partitions.get('a')!.append(100)
    expect(sizes(await fetcher.fetch(request({ a: 0, b: 0 }), options))).toEqual({ a: [100], b: [] })
  })

  it('also when the log has to read from disk', async () => {
    partitions.get('a')!.append(100)
    partitions.get('a')!.isCold = true
    expect(sizes(await fetcher.fetch(request({ a: 0 }), options))).toEqual({ a: [100] })
  })

  it('waits for data, and wakes when it comes', async () => {
    const answer = fetcher.fetch(request({ a: 0, b: 0 }), options)
    expect(await isSettled(answer)).toBe(false)
    partitions.get('b')!.append(50)
    expect(sizes(await answer)).toEqual({ a: [], b: [50] })
    expect(partitions.get('a')!.listeners.size + partitions.get('b')!.listeners.size + closeListeners.size).toBe(0)
  })

  it('waits until min.bytes are there', async () => {
    const answer = fetcher.fetch(request({ a: 0 }, { minBytes: 120 }), options)
    partitions.get('a')!.append(60)
    expect(await isSettled(answer)).toBe(false)
    partitions.get('a')!.append(60)
    expect(sizes(await answer)).toEqual({ a: [60, 60] })
  })

  it('gives what there is when max.wait.ms is over', async () => {
    const answer = fetcher.fetch(request({ a: 0 }, { minBytes: 120 }), options)
    partitions.get('a')!.append(60)
    await clock.advance(499)
    expect(await isSettled(answer)).toBe(false)
    await clock.advance(1)
    expect(sizes(await answer)).toEqual({ a: [60] })
    expect(clock.nextDueMs()).toBeUndefined()
  })

  it('does not wait with max.wait.ms 0', async () => {
    expect(sizes(await fetcher.fetch(request({ a: 0 }, { maxWaitMs: 0 }), options))).toEqual({ a: [] })
  })

  it('stops waiting when the connection ends', async () => {
    const answer = fetcher.fetch(request({ a: 0 }), options)
    await settle()
    for (const close of closeListeners) close()
    await answer
    expect(partitions.get('a')!.listeners.size).toBe(0)
    expect(clock.nextDueMs()).toBeUndefined()
  })

  it('answers an error at once, beside what other partitions have', async () => {
    const answer = await fetcher.fetch(request({ a: 7, nowhere: 0 }, { maxWaitMs: 10_000 }), options)
    expect(errors(answer)).toEqual([1, 3])
    expect(answer.responses[0]!.partitions[0]).toMatchObject({
      highWatermark: -1,
      lastStableOffset: -1,
      logStartOffset: -1,
    })
  })

  it('refuses topics that may not be read', async () => {
    expect(errors(await fetcher.fetch(request({ a: 0 }), { ...options, isReadable: () => false }))).toEqual([29])
  })

  it('returns the first batch whole, and afterwards keeps to max.bytes', async () => {
    partitions.get('a')!.append(500)
    partitions.get('b')!.append(300)
    expect(sizes(await fetcher.fetch(request({ a: 0, b: 0 }, { maxBytes: 100 }), options))).toEqual({ a: [500], b: [] })
  })

  it('keeps to max.bytes also with the first batch for clients that can not take more', async () => {
    partitions.get('a')!.append(500)
    const asked = request({ a: 0 }, { maxBytes: 100, maxWaitMs: 0 })
    expect(sizes(await fetcher.fetch(asked, { ...options, hardMaxBytes: true }))).toEqual({ a: [] })
  })

  it("never reads more than the broker's fetch.max.bytes", async () => {
    await fetcher.fetch(request({ a: 0 }, { maxWaitMs: 0, maxBytes: 0x7fffffff }), options)
    expect(partitions.get('a')!.reads[0]!.maxBytes).toBe(1000)
    const wide = request({ a: 0 }, { maxWaitMs: 0, maxBytes: 0x7fffffff })
    Object.assign(wide.topics[0]!.partitions[0]!, { partitionMaxBytes: 0x7fffffff })
    await fetcher.fetch(wide, options)
    expect(partitions.get('a')!.reads[1]!.maxBytes).toBe(10_000)
  })

  it('with read_committed wakes when the last stable offset moves, and lists aborted transactions', async () => {
    const partition = partitions.get('a')!
    partition.lastStableOffset = 0
    const answer = fetcher.fetch(request({ a: 0 }, { isolationLevel: 1 }), options)
    partition.append(10)
    expect(await isSettled(answer)).toBe(false)
    partition.lastStableOffset = 1
    for (const listener of partition.listeners) listener()
    const { responses } = await answer
    expect(responses[0]!.partitions[0]).toMatchObject({ lastStableOffset: 1, abortedTransactions: [] })
  })

  it('tells a reader whose epoch ended before its position where that was', async () => {
    const answer = await fetcher.fetch(request({ a: 9 }, { lastFetchedEpoch: 3 }), options)
    expect(answer.responses[0]!.partitions[0]).toMatchObject({
      errorCode: 0,
      divergingEpoch: { epoch: 3, endOffset: 5 },
    })
  })

  it('carries one partition at a time while answers that were read from files take much memory', async () => {
    const [a, b] = [partitions.get('a')!, partitions.get('b')!]
    a.isCold = true
    a.append(20_000_000)
    const large = await fetcher.fetch(request({ a: 0 }), options)
    a.append(60)
    b.append(50)
    const next = await fetcher.fetch(request({ a: 1, b: 0 }, { minBytes: 100 }), options)
    expect(sizes(next)).toEqual({ a: [60], b: [] })
    large.release()
    large.release()
    next.release()
    a.append(20_000_000)
    expect(sizes(await fetcher.fetch(request({ a: 1, b: 0 }, { minBytes: 100 }), options))).toEqual({
      a: [60],
      b: [50],
    })
  })

  it('keeps no memory for an answer that a fault of ours prevents', async () => {
    const [a, b] = [partitions.get('a')!, partitions.get('b')!]
    a.isCold = true
    a.append(20_000_000)
    b.append(50)
    const { read } = b.log
    b.log.read = () => {
      throw new TypeError('a fault')
    }
    await expect(fetcher.fetch(request({ a: 0, b: 0 }), options)).rejects.toThrow('a fault')
    b.log.read = read
    a.append(60)
    expect(sizes(await fetcher.fetch(request({ a: 1, b: 0 }, { minBytes: 100 }), options))).toEqual({
      a: [60],
      b: [50],
    })
  })

  it('notices data that came while it was still reading', async () => {
    partitions.get('b')!.isCold = true
    const answer = fetcher.fetch(request({ a: 0, b: 0 }), options)
    partitions.get('a')!.append(10)
    expect(sizes(await answer)).toEqual({ a: [10], b: [] })
  })
})

describe('a fetch in a session', () => {
  it('answers only partitions with news', async () => {
    const { sessionId } = await fetcher.fetch(request({ a: 0, b: 0 }, { sessionEpoch: 0, maxWaitMs: 0 }), options)
    partitions.get('b')!.append(20)
    const answer = await fetcher.fetch(request({}, { sessionId, sessionEpoch: 1 }), options)
    expect(sizes(answer)).toEqual({ b: [20] })
    const nothing = await fetcher.fetch(request({ b: 1 }, { sessionId, sessionEpoch: 2, maxWaitMs: 0 }), options)
    expect(nothing.responses).toEqual([])
  })

  it('tells the high watermark again after an error', async () => {
    const { sessionId } = await fetcher.fetch(request({ a: 9 }, { sessionEpoch: 0 }), options)
    const answer = await fetcher.fetch(request({ a: 0 }, { sessionId, sessionEpoch: 1, maxWaitMs: 0 }), options)
    expect(answer.responses[0]!.partitions[0]).toMatchObject({ errorCode: 0, highWatermark: 0 })
  })
})
