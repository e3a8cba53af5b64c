import { describe, expect, it } from 'vitest'
import { forEachLimited, LimitedQueue, SerialQueue } from '../../src/runtime/serial-queue.ts'
import { nextTurn } from '../../src/runtime/turns.ts'

describe('SerialQueue', () => {
  it('runs one task at a time, in order, also behind one that failed', async () => {
    const queue = new SerialQueue()
    const seen: string[] = []
    const task =
      (name: string, fails = false) =>
      async () => {
        seen.push(`${name} starts`)
        await nextTurn()
        seen.push(`${name} ends`)
        if (fails) throw new Error(name)
        return name
      }
    const results = Promise.allSettled([queue.run(task('a')), queue.run(task('b', true)), queue.run(task('c'))])
    expect(queue.length).toBe(3)
    await queue.idle()
    expect(queue.length).toBe(0)
    expect(seen).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends'])
    expect((await results).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })
})

describe('LimitedQueue', () => {
  it('runs no more than its limit at a time, and all of them', async () => {
    const queue = new LimitedQueue(3)
    let running = 0
    let most = 0
    const task = async (index: number): Promise<number> => {
      running += 1
      most = Math.max(most, running)
      await nextTurn()
      running -= 1
      if (index === 4) throw new Error('4')
      return index
    }
    const results = await Promise.allSettled(Array.from({ length: 10 }, (_, index) => queue.run(() => task(index))))
    expect(most).toBe(3)
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(9)
  })
})

describe('forEachLimited', () => {
  it('takes each item once and fails with the first failure, when all that had started is done', async () => {
    const seen: number[] = []
    await forEachLimited([1, 2, 3, 4, 5], 2, async (item) => seen.push(item))
    expect(seen).toEqual([1, 2, 3, 4, 5])
    let ended = 0
    const failing = forEachLimited([1, 2, 3, 4], 2, async (item) => {
      if (item === 1) throw new Error('one')
      await nextTurn()
      ended += 1
    })
    await expect(failing).rejects.toThrow('one')
    expect(ended).toBe(1)
  })
})
