/** handlers: ListOffsets beside open transactions, and while a new leader lags behind the start of its epoch. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { listOffsets } from '../../protocol/messages/list-offsets.ts'
import { listOffsetsHandler } from '../../src/handlers/list-offsets.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { batch } from '../log/fixtures.ts'
import { createTopic, marker, openMarkers, producerId } from '../transactions/markers.ts'
import { Client } from './ask.ts'

const latest = -1
const earliest = -2
const largestTimestamp = -3

let opened: Awaited<ReturnType<typeof openMarkers>>
let log: PartitionLog

beforeEach(async () => {
  opened = await openMarkers()
  log = await createTopic(opened, 'topic')
})

afterEach(() => opened.close())

async function find(timestamp: number, isolationLevel = 0, version = 9) {
  const topics = [{ name: 'topic', partitions: [{ partitionIndex: 0, timestamp }] }]
  const client = new Client(opened.brokers[0]!.broker)
  const answer = await client.ask(listOffsetsHandler, listOffsets, version, { replicaId: -1, isolationLevel, topics })
  const { errorCode: code, offset } = answer.topics[0]!.partitions[0]!
  return code === 0 ? offset : code
}

const at = (timestamp: number, sequence: number) =>
  batch(1, { timestamp }, { producerId, producerEpoch: 0, baseSequence: sequence, isTransactional: true })

describe('with read_committed', () => {
  it('ends where the first open transaction begins, whatever is looked for', async () => {
    await log.append(batch(1, { timestamp: 100 }), 'client')
    await log.append(at(300, 0), 'coordinator')
    await log.append(batch(1, { timestamp: 200 }), 'client')
    const committed = 1
    expect([await find(latest), await find(latest, committed)]).toEqual([3, 1])
    expect([await find(100), await find(100, committed)]).toEqual([0, 0])
    expect([await find(150), await find(150, committed)]).toEqual([1, -1])
    expect([await find(largestTimestamp), await find(largestTimestamp, committed)]).toEqual([1, -1])
    expect([await find(earliest), await find(earliest, committed)]).toEqual([0, 0])
    await opened.markers.write(marker({ isCommit: false }), 'topic', 0)
    expect(await find(latest, committed)).toBe(4)
    expect(await find(150, committed)).toBe(1)
  })

  it('ends at the start of the log when that has moved into the open transaction', async () => {
    for (let sequence = 0; sequence < 4; sequence += 1) await log.append(at(100, sequence), 'coordinator')
    expect(await find(latest, 1)).toBe(0)
    await log.deleteRecordsBefore(2)
    expect([await find(latest, 1), log.lastStableOffset]).toEqual([2, 2])
    await opened.markers.write(marker({ isCommit: false }), 'topic', 0)
    expect([await find(latest, 1), log.lastStableOffset]).toEqual([5, 5])
    expect(await log.abortedTransactions(2, 5)).toEqual([{ producerId, firstOffset: 0 }])
  })
})

describe('while what an earlier leader has appended is not written yet', () => {
  it.each([
    [1, 'LEADER_NOT_AVAILABLE'],
    [4, 'LEADER_NOT_AVAILABLE'],
    [5, 'OFFSET_NOT_AVAILABLE'],
    [9, 'OFFSET_NOT_AVAILABLE'],
  ] as const)('v%i says %s to whoever asks for the end', async (version, error) => {
    await log.append(batch(1, { timestamp: 100 }), 'client')
    const appended = log.append(batch(1, { timestamp: 200 }), 'client')
    await log.becomeLeader(log.leaderEpoch + 1)
    expect(log.highWatermark).toBe(1)
    expect(await find(latest, 0, version)).toBe(errorCode(error))
    await appended
    expect(await find(latest, 0, version)).toBe(2)
  })
})
