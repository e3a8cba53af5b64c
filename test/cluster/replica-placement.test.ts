/** cluster: replicas go round the brokers and spread over racks. */
import { describe, expect, it } from 'vitest'
import { placeReplicas } from '../../src/cluster/replica-placement.ts'

const broker = (id: number, rack: string | null = null, isFenced = false) => ({ id, rack, isFenced })

describe('placeReplicas', () => {
  it('lets each broker lead in turn', () => {
    const placed = placeReplicas([broker(1), broker(2), broker(3)], 6, 2, () => 0)
    expect(placed).toEqual([
      [1, 2],
      [2, 3],
      [3, 1],
      [1, 2],
      [2, 3],
      [3, 1],
    ])
  })

  it('starts anywhere', () => {
    expect(placeReplicas([broker(1), broker(2), broker(3)], 2, 1, () => 0.5)).toEqual([[2], [3]])
  })

  it('puts the replicas of a partition on different racks, and spreads the leaders', () => {
    const brokers = [broker(1, 'a'), broker(2, 'a'), broker(3, 'b'), broker(4, 'b')]
    const placed = placeReplicas(brokers, 8, 2, () => 0)
    const rackOf = (id: number | undefined) => brokers.find((each) => each.id === id)?.rack
    for (const [one, other] of placed) expect(rackOf(one)).not.toBe(rackOf(other))
    for (const { id } of brokers) expect(placed.filter(([leader]) => leader === id)).toHaveLength(2)
  })

  it('never lets a fenced broker lead, and needs one that is not', () => {
    const placed = placeReplicas([broker(1, null, true), broker(2)], 2, 2, () => 0)
    expect(placed.map(([leader]) => leader)).toEqual([2, 2])
    expect(placeReplicas([broker(1, null, true), broker(2), broker(3, null, true)], 3, 1, () => 0)).toEqual([
      [2],
      [2],
      [2],
    ])
    expect(() => placeReplicas([broker(1, null, true)], 1, 1, () => 0)).toThrow(
      'Unable to replicate the partition 1 time(s): All brokers are currently fenced, or have all their log directories cordoned.',
    )
  })
})
