/** bench/guard: the judgement on CPU ratios. */
import { describe, expect, it } from 'vitest'
import { judged } from '../../bench/guard/judge.ts'

const marginOf = (check: string) => (check === 'consume' ? 0.2 : 0.15)
const recorded = { produce: 2, consume: 1 }

describe('the guard', () => {
  it('lets ratios go that are within the margin, or less than recorded', () => {
    const { lines, failed } = judged(
      new Map([
        ['produce', 2.2],
        ['consume', 0.5],
      ]),
      recorded,
      marginOf,
    )
    expect(failed).toBe(0)
    expect(lines).toEqual([
      'produce          2.200 of the null server, +10 % of 2.000: ok',
      'consume          0.500 of the null server, -50 % of 1.000: ok',
      '2 passed, 0 failed',
    ])
  })

  it('fails beyond the margin, and tells by how much', () => {
    const { lines, failed } = judged(
      new Map([
        ['produce', 2.5],
        ['consume', 1],
      ]),
      recorded,
      marginOf,
    )
    expect(failed).toBe(1)
    expect(lines[0]).toBe('produce          2.500 of the null server, +25 % of 2.000: FAILED, at most +15 %')
    expect(lines.at(-1)).toBe('1 passed, 1 failed')
  })

  it('takes the margin of each check', () => {
    const ratios = new Map([
      ['produce', 2.36],
      ['consume', 1.18],
    ])
    expect(judged(ratios, recorded, marginOf).lines.at(-1)).toBe('1 passed, 1 failed')
  })

  it('fails a check that was never recorded, and one that was not measured', () => {
    expect(judged(new Map([['small', 1]]), {}, marginOf).lines.at(-1)).toBe('0 passed, 1 failed')
    expect(judged(new Map([['produce', 2]]), recorded, marginOf).lines.at(-1)).toBe('1 passed, 1 failed')
  })
})
