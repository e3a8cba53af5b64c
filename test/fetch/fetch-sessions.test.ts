import { beforeEach, describe, expect, it } from 'vitest'
import { zeroUuid } from '../../protocol/schema/index.ts'
import { FetchSessions, type SessionRequest } from '../../src/fetch/fetch-sessions.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { SeededRandom } from '../../src/runtime/random.ts'

let clock: SimulatedClock
let sessions: FetchSessions

beforeEach(() => {
  clock = new SimulatedClock()
  sessions = new FetchSessions({ clock, random: new SeededRandom(1), maxSessions: 2, evictionMs: 1000 })
})

function request(
  sessionId: number,
  sessionEpoch: number,
  partitions: Record<string, number[]>,
  forgotten = {},
): SessionRequest {
  const named = Object.entries(partitions).map(([topic, indexes]) => ({
    topic,
    topicId: zeroUuid,
    partitions: indexes.map((partition) => ({
      partition,
      fetchOffset: 10 * sessionEpoch,
      partitionMaxBytes: 100,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
    })),
  }))
  const forgottenTopicsData = Object.entries(forgotten as Record<string, number[]>).map(([topic, indexes]) => ({
    topic,
    topicId: zeroUuid,
    partitions: indexes,
  }))
  return { sessionId, sessionEpoch, topics: named, forgottenTopicsData }
}

const names = (scope: { partitions: readonly { topic: string; partition: number }[] }): string[] =>
  scope.partitions.map(({ topic, partition }) => `${topic}-${partition}`)

function failing(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return (error as { kafkaError: string }).kafkaError
  }
  return 'nothing'
}

describe('a fetch session', () => {
  it('is made for epoch 0, and remembers its partitions', () => {
    const full = sessions.open(request(0, 0, { a: [0, 1], b: [0] }), false)
    expect(full.sessionId).toBeGreaterThan(0)
    expect(full.incremental).toBe(false)
    const incremental = sessions.open(request(full.sessionId, 1, {}), false)
    expect(incremental).toMatchObject({ sessionId: full.sessionId, incremental: true })
    expect(names(incremental)).toEqual(['a-0', 'a-1', 'b-0'])
  })

  it('is not made for epoch -1', () => {
    expect(sessions.open(request(0, -1, { a: [0] }), false).sessionId).toBe(0)
    expect(sessions.size).toBe(0)
  })

  it('takes new partitions and offsets, and forgets partitions', () => {
    const { sessionId } = sessions.open(request(0, 0, { a: [0, 1] }), false)
    const scope = sessions.open(request(sessionId, 1, { a: [1], c: [4] }, { a: [0] }), false)
    expect(names(scope)).toEqual(['a-1', 'c-4'])
    expect(scope.partitions.map(({ fetchOffset }) => fetchOffset)).toEqual([10, 10])
  })

  it('reads partitions that were answered with records last', () => {
    const full = sessions.open(request(0, 0, { a: [0, 1, 2] }), false)
    full.answered(full.partitions[0]!)
    expect(names(sessions.open(request(full.sessionId, 1, {}), false))).toEqual(['a-1', 'a-2', 'a-0'])
  })

  it('ends when its last partition is forgotten', () => {
    const { sessionId } = sessions.open(request(0, 0, { a: [0] }), false)
    expect(sessions.open(request(sessionId, 1, {}, { a: [0] }), false).sessionId).toBe(0)
    expect(sessions.size).toBe(0)
  })

  it('is closed by epoch -1 and replaced by epoch 0', () => {
    const first = sessions.open(request(0, 0, { a: [0] }), false)
    const second = sessions.open(request(first.sessionId, 0, { a: [0] }), false)
    expect(second.sessionId).not.toBe(first.sessionId)
    sessions.open(request(second.sessionId, -1, { a: [0] }), false)
    expect(sessions.size).toBe(0)
  })

  it('refuses a wrong epoch, an unknown id, and a change between names and ids', () => {
    const { sessionId } = sessions.open(request(0, 0, { a: [0] }), false)
    expect(failing(() => sessions.open(request(sessionId, 2, {}), false))).toBe('INVALID_FETCH_SESSION_EPOCH')
    expect(failing(() => sessions.open(request(sessionId + 1, 1, {}), false))).toBe('FETCH_SESSION_ID_NOT_FOUND')
    expect(failing(() => sessions.open(request(sessionId, 1, {}), true))).toBe('FETCH_SESSION_TOPIC_ID_ERROR')
  })

  it('is not given away while all places hold sessions that were used lately', async () => {
    const first = sessions.open(request(0, 0, { a: [0] }), false)
    await clock.advance(600)
    sessions.open(request(0, 0, { b: [0] }), false)
    expect(sessions.open(request(0, 0, { c: [0] }), false).sessionId).toBe(0)
    await clock.advance(600)
    expect(sessions.open(request(0, 0, { c: [0] }), false).sessionId).toBeGreaterThan(0)
    expect(failing(() => sessions.open(request(first.sessionId, 1, {}), false))).toBe('FETCH_SESSION_ID_NOT_FOUND')
  })

  it('refuses an epoch that was used before', () => {
    const { sessionId } = sessions.open(request(0, 0, { a: [0] }), false)
    for (let epoch = 1; epoch < 5; epoch += 1) sessions.open(request(sessionId, epoch, {}), false)
    expect(failing(() => sessions.open(request(sessionId, 4, {}), false))).toBe('INVALID_FETCH_SESSION_EPOCH')
  })
})
