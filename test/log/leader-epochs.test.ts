import { describe, expect, it } from 'vitest'
import { LeaderEpochs } from '../../src/log/leader-epochs.ts'

function epochs(...entries: (readonly [epoch: number, startOffset: number])[]): LeaderEpochs {
  const made = new LeaderEpochs()
  for (const [epoch, startOffset] of entries) made.assign(epoch, startOffset)
  return made
}

describe('leader epochs', () => {
  it('are written and read as Kafka does', () => {
    const text = '0\n2\n1 0\n4 17\n'
    expect(epochs([1, 0], [4, 17]).format()).toBe(text)
    expect(LeaderEpochs.parse(text, true)!.format()).toBe(text)
    expect(LeaderEpochs.parse('0\n0\n', true)!.latestEpoch).toBe(-1)
    for (const broken of ['', '1\n0\n', '0\n2\n1 0\n', '0\n1\n1 x\n'])
      expect(LeaderEpochs.parse(broken, true)).toBeUndefined()
  })

  it('say where an epoch ends, by the next one or the log end', () => {
    const known = epochs([1, 0], [4, 17])
    expect(known.endOffsetFor(0, 20)).toEqual({ leaderEpoch: 0, endOffset: 0 })
    expect(known.endOffsetFor(2, 20)).toEqual({ leaderEpoch: 1, endOffset: 17 })
    expect(known.endOffsetFor(4, 20)).toEqual({ leaderEpoch: 4, endOffset: 20 })
    expect(known.endOffsetFor(5, 20)).toEqual({ leaderEpoch: -1, endOffset: -1 })
    expect(known.endOffsetFor(-1, 20)).toEqual({ leaderEpoch: -1, endOffset: -1 })
  })

  it('give way at both ends', () => {
    const known = epochs([1, 0], [4, 17], [5, 30])
    known.truncateFromEnd(30)
    expect(known.format()).toBe('0\n2\n1 0\n4 17\n')
    known.truncateFromStart(5)
    expect(known.format()).toBe('0\n2\n1 5\n4 17\n')
    known.truncateFromStart(17)
    expect(known.format()).toBe('0\n1\n4 17\n')
    known.truncateFromStart(40)
    expect(known.format()).toBe('0\n1\n4 40\n')
  })

  it('change only when there is something new', () => {
    const known = LeaderEpochs.parse('0\n1\n1 0\n', true)!
    known.assign(1, 5)
    known.truncateFromEnd(9)
    known.truncateFromStart(0)
    expect(known.isOutdated(100)).toBe(false)
    known.assign(2, 5)
    expect([known.isOutdated(5), known.isOutdated(6)]).toEqual([false, true])
    expect([0, 4, 5, 99].map((offset) => known.epochForOffset(offset))).toEqual([1, 1, 2, 2])
  })

  it('drop what an earlier leader wrote at the same place', () => {
    expect(epochs([1, 0], [2, 5], [3, 5]).format()).toBe('0\n2\n1 0\n3 5\n')
  })
})
