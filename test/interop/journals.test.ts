/** What the interop suite's churn concludes from the journals of its members. */
import { describe, expect, it } from 'vitest'
import { type Delivery, duplicates, resumedBelowCommit, unprocessed } from '../../interop/scenarios/journals.ts'

/** A member that was handed `offsets` of partition 0, a second each. */
const journal = (fromMs: number, ...offsets: number[]): Delivery[] =>
  offsets.map((offset, index) => ({ ms: fromMs + index * 1000, partition: 0, offset }))
const commit = (ms: number, offset: number) => ({ ms, offsets: new Map([[0, offset]]) })

describe('journals', () => {
  it('name the records that nobody processed', () => {
    expect(unprocessed([journal(0, 0, 1), journal(0, 3)], 1, 5)).toEqual(['0:2', '0:4'])
    expect(unprocessed([journal(0, 0, 1), journal(0, 2)], 1, 3)).toEqual([])
  })

  it('count each delivery that is not the first of its record', () => {
    expect(duplicates([journal(0, 0, 1, 2), journal(0, 1, 2), journal(0, 2)])).toBe(3)
  })

  it('tell who began below what had been committed', () => {
    expect(resumedBelowCommit([journal(20_000, 4, 5)], [commit(1000, 5)])).toEqual(['0:4 of 5'])
    expect(resumedBelowCommit([journal(20_000, 5, 4)], [commit(1000, 5)])).toEqual(['0:4 of 5'])
  })

  it('forgive a beginning at the commit, and one that came before it', () => {
    expect(resumedBelowCommit([journal(20_000, 5)], [commit(1000, 5)])).toEqual([])
    expect(resumedBelowCommit([journal(20_000, 4)], [commit(1000, 4), commit(19_000, 5)])).toEqual([])
  })

  it('forgive records that a member had fetched before its partition went to another', () => {
    expect(
      resumedBelowCommit([journal(0, 0, ...Array.from({ length: 30 }, (_, index) => index + 1))], [commit(10_000, 25)]),
    ).toEqual([])
  })
})
