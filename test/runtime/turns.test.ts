import { describe, expect, it } from 'vitest'
import { inTurns, mapInTurns, nextTurn, startInTurns, TurnLimit } from '../../src/runtime/turns.ts'

describe('mapInTurns', () => {
  it('keeps the order and leaves the event loop to others every so many items', async () => {
    const turns: number[] = []
    let turn = 0
    let isOver = false
    const others = (async () => {
      for (; !isOver; turn += 1) await nextTurn()
    })()
    const items = Array.from({ length: 10 }, (_, index) => index)
    const doubled = await mapInTurns(
      items,
      (item) => {
        turns.push(turn)
        return item * 2
      },
      4,
    )
    isOver = true
    await others
    expect(doubled).toEqual(items.map((item) => item * 2))
    expect(new Set(turns).size).toBe(3)
  })

  it('waits for what is asynchronous, and fails as it does', async () => {
    expect(await mapInTurns([1, 2], async (item) => item + 1)).toEqual([2, 3])
    await expect(mapInTurns([1], () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  })
})

describe('startInTurns', () => {
  it('starts all before any has ended, and leaves the event loop to others in between', async () => {
    let isReleased = false
    let release = (): void => {}
    const released = new Promise<void>((resolve) => (release = resolve))
    const started: number[] = []
    const pending = startInTurns(
      [1, 2, 3],
      async (item) => {
        started.push(item)
        await released
        return item
      },
      2,
    ).finally(() => (isReleased = true))
    expect(started).toEqual([1, 2])
    await nextTurn()
    expect(started).toEqual([1, 2, 3])
    expect(isReleased).toBe(false)
    release()
    expect(await pending).toEqual([1, 2, 3])
  })

  it('fails with the first failure, also when that comes before all are started', async () => {
    const failing = (item: number): Promise<number> => Promise.reject(new Error(`no ${item}`))
    await expect(startInTurns([1, 2, 3], failing, 1)).rejects.toThrow('no 1')
  })
})

describe('inTurns', () => {
  function* steps(count: number): Generator<undefined, number> {
    for (let step = 1; step < count; step += 1) yield undefined
    return count
  }

  it('gives at once what has one step, and takes a turn of the event loop for each more', async () => {
    expect(inTurns(steps(1))).toBe(1)
    let isSettled = false
    const pending = Promise.resolve(inTurns(steps(3))).finally(() => (isSettled = true))
    await nextTurn()
    expect(isSettled).toBe(false)
    expect(await pending).toBe(3)
  })
})

describe('TurnLimit', () => {
  it('lets so many pass in a turn of the event loop, in the order in which they came', async () => {
    const limit = new TurnLimit(2)
    const passed: number[] = []
    const all = [1, 2, 3, 4, 5].map((number) => limit.pass().then(() => passed.push(number)))
    await Promise.resolve()
    expect(passed).toEqual([1, 2])
    await nextTurn()
    expect(passed).toEqual([1, 2, 3, 4])
    await nextTurn()
    expect(passed).toEqual([1, 2, 3, 4, 5])
    await Promise.all(all)
    await nextTurn()
    void limit.pass().then(() => passed.push(6))
    await Promise.resolve()
    expect(passed).toHaveLength(6)
  })
})
