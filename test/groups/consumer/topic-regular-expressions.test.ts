import { beforeEach, describe, expect, it } from 'vitest'
import { matchingTopics, requireRegularExpression } from '../../../src/groups/consumer/topic-regular-expressions.ts'
import { realClock } from '../../../src/runtime/clock.ts'
import { ConsumerHarness, errorOf, reconcile } from './consumer-harness.ts'

describe('a regular expression', () => {
  it('matches whole names', async () => {
    const found = await matchingTopics(['a.c', 'b'], ['abc', 'xabc', 'abcx', 'b'], realClock)
    expect(found).toEqual(
      new Map([
        ['a.c', new Set(['abc'])],
        ['b', new Set(['b'])],
      ]),
    )
  })

  it.each(['(a+)+$', '(a|a)*b', '(.*)*!', '((a*)*)*c', '(x+x+)+y', `${'(a?)'.repeat(200)}${'a'.repeat(200)}`])(
    'that makes others backtrack for ever takes a moment: %s',
    async (hostile) => {
      requireRegularExpression(hostile)
      const topics = Array.from({ length: 20 }, (_, index) => `${'a'.repeat(240)}${'x'.repeat(index % 9)}`)
      const startMs = performance.now()
      await matchingTopics([hostile], topics, realClock)
      expect(performance.now() - startMs).toBeLessThan(5_000)
    },
  )

  it('lets other work have its turn while it looks through many topics', async () => {
    let turns = 0
    let isDone = false
    const count = (): void => {
      turns += 1
      if (!isDone) setImmediate(count)
    }
    setImmediate(count)
    const topics = Array.from({ length: 20_000 }, (_, index) => `${'a'.repeat(200)}${index}`)
    await matchingTopics(['(a|b)*[0-9]+5'], topics, realClock)
    isDone = true
    expect(turns).toBeGreaterThan(2)
  })

  it.each([
    '(',
    'a{1001}',
    '((a{100}){100}){100}',
    '(?=a)',
    '(a)\\1',
    '('.repeat(2_000),
    'a'.repeat(33_000),
    '\\pL'.repeat(1_001),
  ])('that is none, or too large, is refused: %.40s', (text) => {
    expect(() => requireRegularExpression(text)).toThrow(/is not a valid regular expression/)
  })

  it.each(['(?i)', '(?si)', '(?s)(?i:)'])('takes a moment to read, also for letters of either case: %s', (flags) => {
    const startMs = performance.now()
    const text = `${flags}${'[a-zA-Z\u0100-\uffff]'.repeat(1_500)}`
    expect(() => requireRegularExpression(text)).toThrow(/too many character classes/)
    requireRegularExpression(`${flags}${'[a-z]'.repeat(60)}`)
    expect(performance.now() - startMs).toBeLessThan(1_000)
  })

  it('that can not be read any more matches nothing', async () => {
    expect(await matchingTopics(['('], ['('], realClock)).toEqual(new Map([['(', new Set()]]))
  })
})

describe('members that subscribe by regular expression', () => {
  let group: ConsumerHarness

  beforeEach(() => {
    group = new ConsumerHarness({ topics: { 'log-a': 1, 'log-b': 1, other: 1 } })
  })

  it('are answered at once, and get the topics when they are found', async () => {
    const a = group.member('a', { subscribedTopicRegex: 'log-.*' })
    await a.join()
    expect([a.epoch, a.owns]).toEqual([1, ''])
    await group.group.settle()
    await a.heartbeat()
    expect([a.epoch, a.owns]).toEqual([2, 'log-a-0 log-b-0'])
    const [record] = await group.records('ConsumerGroupRegularExpression')
    expect(record).toMatchObject({ regularExpression: 'log-.*', value: { topics: new Set(['log-a', 'log-b']) } })
  })

  it('get those alone that the member may describe', async () => {
    const join = { memberId: 'a', subscribedTopicRegex: '.*', rebalanceTimeoutMs: 1_000, topicPartitions: [] }
    await group.heartbeat(join, { canDescribe: (topic) => topic === 'log-b' })
    await group.group.settle()
    const { assignment } = await group.heartbeat({ memberId: 'a', memberEpoch: 1 })
    expect(group.named(assignment!.topicPartitions)).toBe('log-b-0')
  })

  it('get topics that come later, no sooner than ten seconds after the last look', async () => {
    const a = group.member('a', { subscribedTopicRegex: 'log-.*' })
    await a.join()
    await group.group.settle()
    await reconcile(a)
    group.topics.put('log-c', 1)
    const beat = async (): Promise<void> => {
      await a.heartbeat()
      await group.group.settle()
    }
    await beat()
    await group.group.advance(9_000)
    await beat()
    await reconcile(a)
    expect(a.owns).toBe('log-a-0 log-b-0')
    await group.group.advance(2_000)
    await beat()
    await reconcile(a)
    expect(a.owns).toBe('log-a-0 log-b-0 log-c-0')
  })

  it('are looked for again after the refresh interval: a topic that is gone is not found any more', async () => {
    const a = group.member('a', { subscribedTopicRegex: 'log-.*' })
    await a.join()
    await group.group.settle()
    await reconcile(a)
    group.topics.delete('log-a')
    for (let passedMs = 0; passedMs <= 610_000; passedMs += 10_000) {
      await group.group.advance(10_000)
      await a.heartbeat()
    }
    await group.group.settle()
    const last = (await group.records('ConsumerGroupRegularExpression')).at(-1)
    expect(last).toMatchObject({ value: { topics: new Set(['log-b']) } })
  })

  it('share what is found, which goes with the last of them', async () => {
    const [a, b] = ['a', 'b'].map((id) => group.member(id, { subscribedTopicRegex: 'log-.*' }))
    await a!.join()
    await group.group.settle()
    await b!.join()
    await reconcile(a!, b!)
    expect((await group.describe()).groupState).toBe('Stable')
    expect(await group.records('ConsumerGroupRegularExpression')).toHaveLength(1)
    await b!.leave()
    expect(await group.records('ConsumerGroupRegularExpression')).toHaveLength(1)
    await a!.heartbeat({ subscribedTopicRegex: '', subscribedTopicNames: ['other'] })
    expect((await group.records('ConsumerGroupRegularExpression')).at(-1)).toMatchObject({ value: null })
    await reconcile(a!)
    expect(a!.owns).toBe('other-0')
  })

  it('may subscribe by name, too', async () => {
    const a = group.member('a', { subscribedTopicRegex: 'log-a', subscribedTopicNames: ['other'] })
    await a.join()
    await group.group.settle()
    await reconcile(a)
    expect(a.owns).toBe('log-a-0 other-0')
  })

  it('are forgotten when the group is gone before they are found', async () => {
    const a = group.member('a', { subscribedTopicRegex: 'log-.*' })
    await a.join()
    await a.leave()
    await group.group.settle()
    expect((await group.records('ConsumerGroupRegularExpression')).at(-1)).toMatchObject({ value: null })
    expect(await errorOf(a.heartbeat())).toContain('UNKNOWN_MEMBER_ID')
  })
})
