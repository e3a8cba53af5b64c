import { describe, expect, it } from 'vitest'
import { SharedLists } from '../../src/cluster/shared-lists.ts'

describe('lists that are shared', () => {
  it('gives equal lists as one array', () => {
    const lists = new SharedLists<number>()
    expect(lists.of([1, 2])).toBe(lists.of([1, 2]))
    expect(lists.of([])).toBe(lists.of([]))
    expect(lists.of([2, 1])).toEqual([2, 1])
    expect(lists.of([12])).toEqual([12])
  })

  it('keeps no more than a thousand of them', () => {
    const lists = new SharedLists<number>()
    const first = lists.of([0])
    for (let id = 1; id < 1000; id += 1) lists.of([id])
    expect(lists.of([0])).toBe(first)
    lists.of([1000])
    expect(lists.of([0])).not.toBe(first)
  })
})
