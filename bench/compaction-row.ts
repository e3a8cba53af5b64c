/** bench: what compaction of one topic costs the producers of another. */
import { setTimeout as delay } from 'node:timers/promises'
import { latencies, messagesIn, produce } from './loads.ts'
import type { Measuring } from './measuring.ts'
import type { Broker } from './peers.ts'
import { percentile } from './statistics.ts'
import { WireClient } from './wire-client.ts'

export const compactionRow = 'compaction'

const shape = { recordBytes: 1024, acks: 'all', codec: 'none' } as const
/** Each key is overwritten so often. */
const versionsOfKey = 10
const brokerSettings = { 'log.cleaner.backoff.ms': '100' }
const dirtyRatio = 'min.cleanable.dirty.ratio'
/** More than all is never dirty: nothing is compacted until the ratio is lowered. */
const topicConfigs = { 'cleanup.policy': 'compact', 'segment.bytes': String(64 * 1024 * 1024), [dirtyRatio]: '1' }
const cleanableRatio = '0.01'
const lookEveryMs = 100
/** So long the size stays as it is once all is compacted. */
const stableMs = 4000
const compactedWithinMs = 300_000
const warmUpRounds = 3

interface Round {
  readonly startMs: number
  readonly timesUs: readonly number[]
}

export async function measureCompaction(measuring: Measuring): Promise<void> {
  await measuring.withBroker(async (broker) => {
    const { tools, effort } = measuring
    const compacted = await measuring.createTopic(broker, 'compacted', 1, topicConfigs)
    const other = await measuring.createTopic(broker, 'beside', 1)
    const messages = messagesIn(effort.compactionMb, shape.recordBytes)
    measuring.say(`${compactionRow}: ${effort.compactionMb} MB, each key ${versionsOfKey} times`)
    const keys = Math.round(messages / versionsOfKey)
    await produce(tools, broker, { topic: compacted, shape, messages, batchBytes: effort.batchBytes, keys })
    const round = async (): Promise<Round> => {
      const startMs = performance.now()
      const load = { topic: other, messages: effort.latencyMessages }
      return { startMs, timesUs: (await latencies(tools, broker, 'produce-latency', load)).timesUs }
    }
    for (let turn = 0; turn < warmUpRounds; turn += 1) await round()
    const without: Round[] = []
    for (let turn = 0; turn < effort.latencyRounds; turn += 1) without.push(await round())
    const during: Round[] = []
    let isDone = false
    await WireClient.with(broker.port, (client) => client.setTopicConfig(compacted, dirtyRatio, cleanableRatio))
    const startMs = performance.now()
    const compaction = untilCompacted(broker, compacted).finally(() => {
      isDone = true
    })
    while (!isDone) during.push(await round())
    const { endMs, bytesBefore, bytesAfter } = await compaction
    note(
      measuring,
      without,
      during.filter((each) => each.startMs < endMs),
    )
    measuring.note(compactionRow, 'compacted', 'MB/s', bytesBefore / 1e3 / (endMs - startMs))
    measuring.note(compactionRow, 'left of it', '', bytesAfter / bytesBefore)
  }, brokerSettings)
}

function note(measuring: Measuring, without: readonly Round[], during: readonly Round[]): void {
  const [timesWithout, timesDuring] = [without, during].map((rounds) => rounds.flatMap(({ timesUs }) => timesUs))
  const [p99Without, p99During] = [percentile(timesWithout!, 0.99), percentile(timesDuring!, 0.99)]
  measuring.note(compactionRow, 'p99 without', 'µs', p99Without)
  measuring.note(compactionRow, 'p99 while it runs', 'µs', p99During)
  measuring.note(compactionRow, 'p99 while it runs / without', '', p99During / p99Without)
  measuring.note(compactionRow, 'longest wait without', 'ms', percentile(timesWithout!, 1) / 1e3)
  measuring.note(compactionRow, 'longest wait while it runs', 'ms', percentile(timesDuring!, 1) / 1e3)
}

/** Resolves when the topic has shrunk and shrinks no more; `endMs`: when it last did. */
async function untilCompacted(
  broker: Broker,
  topic: string,
): Promise<{ endMs: number; bytesBefore: number; bytesAfter: number }> {
  return await WireClient.with(broker.port, async (client) => {
    const bytesBefore = await client.topicBytes(topic, 1)
    const deadlineMs = performance.now() + compactedWithinMs
    let bytes = bytesBefore
    let changedMs = performance.now()
    while (bytes === bytesBefore || performance.now() - changedMs < stableMs) {
      if (performance.now() > deadlineMs) throw new Error(`${topic} was not compacted: it has ${bytes} bytes`)
      await delay(lookEveryMs)
      const now = await client.topicBytes(topic, 1)
      if (now !== bytes) changedMs = performance.now()
      bytes = now
    }
    return { endMs: changedMs, bytesBefore, bytesAfter: bytes }
  })
}
