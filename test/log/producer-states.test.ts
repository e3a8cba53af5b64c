import { describe, expect, it } from 'vitest'
import { RecordBatchView } from '../../protocol/records/record-batch.ts'
import { decodeProducerSnapshot, encodeProducerSnapshot } from '../../src/log/producer-snapshot.ts'
import { ProducerStates } from '../../src/log/producer-states.ts'
import { batch, sequenced, startMs } from './fixtures.ts'

const view = (bytes: Buffer): RecordBatchView => new RecordBatchView(bytes)

function transactional(producerId: bigint, baseOffset: number): RecordBatchView {
  return view(batch(2, {}, { baseOffset, producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true }))
}

function marker(producerId: bigint, baseOffset: number, producerEpoch = 0): RecordBatchView {
  return view(batch(1, {}, { baseOffset, producerId, producerEpoch, isTransactional: true, isControl: true }))
}

describe('producer states', () => {
  it('survive a snapshot, with the last batch of each', () => {
    const states = new ProducerStates()
    for (let sequence = 0; sequence < 4; sequence += 1)
      states.written(view(sequenced(5n, 1, sequence * 3, 3)), undefined)
    states.written(transactional(2n ** 60n, 40), undefined)
    const bytes = encodeProducerSnapshot(states.snapshot())
    expect(bytes.length).toBe(10 + 2 * 46)
    const again = new ProducerStates()
    again.load(decodeProducerSnapshot(bytes)!)
    expect(again.states()).toEqual(states.states())
    expect(again.firstOpenTransactionOffset).toBe(40)
    expect(again.findDuplicate(view(sequenced(5n, 1, 9, 3)))).toMatchObject({ baseSequence: 9, lastSequence: 11 })
    expect(again.findDuplicate(view(sequenced(5n, 1, 6, 3)))).toBeUndefined()
    expect(again.findDuplicate(view(sequenced(5n, 2, 9, 3)))).toBeUndefined()
  })

  it('refuse a snapshot that is not whole', () => {
    const states = new ProducerStates()
    states.written(view(sequenced(5n, 1, 0)), undefined)
    const bytes = encodeProducerSnapshot(states.snapshot())
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decodeProducerSnapshot(bytes.subarray(0, length))).toBeUndefined()
    }
    for (let index = 0; index < bytes.length; index += 1) {
      const flipped = Buffer.from(bytes)
      flipped[index] = flipped[index]! ^ 1
      expect(decodeProducerSnapshot(flipped)).toBeUndefined()
    }
  })

  it('know the last sequences across the wrap', () => {
    const states = new ProducerStates()
    states.written(view(sequenced(5n, 0, 0x7ffffffe, 4)), undefined)
    const again = new ProducerStates()
    again.load(states.snapshot())
    expect(again.findDuplicate(view(sequenced(5n, 0, 0x7ffffffe, 4)))).toMatchObject({ lastSequence: 1 })
  })

  it('order open transactions by their first offset', () => {
    const states = new ProducerStates()
    states.written(transactional(1n, 10), undefined)
    states.written(transactional(2n, 12), undefined)
    expect(states.firstOpenTransactionOffset).toBe(10)
    expect(states.written(marker(2n, 14), { isAbort: true, coordinatorEpoch: 7 })).toEqual({
      producerId: 2n,
      firstOffset: 12,
      lastOffset: 14,
      isAborted: true,
    })
    expect(states.firstOpenTransactionOffset).toBe(10)
    states.written(marker(1n, 15), { isAbort: false, coordinatorEpoch: 7 })
    expect(states.firstOpenTransactionOffset).toBeUndefined()
    expect(states.written(marker(3n, 16), { isAbort: true, coordinatorEpoch: 7 })).toBeUndefined()
  })

  it('forget the batches of an epoch when a marker raises it', () => {
    const states = new ProducerStates()
    states.written(transactional(1n, 10), undefined)
    states.written(marker(1n, 12, 1), { isAbort: false, coordinatorEpoch: 0 })
    expect(states.states()).toMatchObject([{ producerEpoch: 1, lastSequence: -1, currentTransactionFirstOffset: -1 }])
    expect(() => states.check(view(sequenced(1n, 1, 2)), true)).toThrow('sent sequence 2 after -1')
    states.check(view(sequenced(1n, 1, 0)), true)
  })

  it('expect a transactional batch while a transaction is open', () => {
    const states = new ProducerStates()
    states.written(transactional(1n, 10), undefined)
    expect(() => states.check(view(sequenced(1n, 0, 2)), true)).toThrow('transactional write was expected')
    expect(() => states.check(view(sequenced(1n, 0, 5)), true)).toThrow('sent sequence 5 after 1')
  })

  it('expire, but not below an open transaction', () => {
    const states = new ProducerStates()
    states.written(view(sequenced(5n, 0, 0)), undefined)
    states.written(transactional(6n, 1), undefined)
    states.expire(startMs + 999, 1000)
    expect(states.states().length).toBe(2)
    states.expire(startMs + 1000, 1000)
    expect(states.states().map(({ producerId }) => producerId)).toEqual([6n])
  })
})
