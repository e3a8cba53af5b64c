import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RequestUsage } from '../../src/quotas/broker-quotas.ts'
import { appliedQuota } from '../../src/quotas/quota-levels.ts'
import { type OpenedQuotas, openQuotas, setQuotas } from './open-quotas.ts'

const client = { user: 'alice', clientId: 'reader' }
const used = (usage: Partial<RequestUsage>): RequestUsage => ({
  threadMs: 0,
  bytes: 0,
  counts: 'nothing',
  isUnanswered: false,
  ...usage,
})

let opened: OpenedQuotas
beforeEach(async () => {
  opened = await openQuotas()
})
afterEach(() => opened.cluster.close())

describe('the quota of a client', () => {
  const levels = [
    { user: 'alice', 'client-id': 'reader' },
    { user: 'alice', 'client-id': null },
    { user: 'alice' },
    { user: null, 'client-id': 'reader' },
    { user: null, 'client-id': null },
    { user: null },
    { 'client-id': 'reader' },
    { 'client-id': null },
  ]

  it('is that of the first of eight levels which has one', async () => {
    const { quotas } = opened
    const boundOf = () => appliedQuota(quotas, 'producer_byte_rate', client)?.bound
    expect(boundOf()).toBeUndefined()
    for (const [index, level] of [...levels.entries()].reverse()) {
      await setQuotas(quotas, level, { producer_byte_rate: index + 1, consumer_byte_rate: 99 })
      expect(boundOf()).toBe(index + 1)
    }
    for (const [index, level] of levels.entries()) {
      expect(boundOf()).toBe(index + 1)
      await setQuotas(quotas, level, { producer_byte_rate: undefined })
    }
    expect(boundOf()).toBeUndefined()
  })

  it('is shared by all that have the same user, client id or both', async () => {
    const { quotas } = opened
    const sharedBy = (user: string, clientId: string | null) =>
      appliedQuota(quotas, 'producer_byte_rate', { user, clientId })?.sharedBy
    await setQuotas(quotas, { 'client-id': null }, { producer_byte_rate: 1 })
    expect(sharedBy('alice', 'a')).toBe(sharedBy('bob', 'a'))
    expect(sharedBy('alice', 'a')).not.toBe(sharedBy('alice', 'b'))
    expect(sharedBy('alice', null)).toBeUndefined()
    await setQuotas(quotas, { user: null }, { producer_byte_rate: 1 })
    expect(sharedBy('alice', 'a')).toBe(sharedBy('alice', 'b'))
    expect(sharedBy('alice', 'a')).toBe(sharedBy('alice', null))
    expect(sharedBy('alice', 'a')).not.toBe(sharedBy('bob', 'a'))
    await setQuotas(quotas, { user: null, 'client-id': null }, { producer_byte_rate: 1 })
    expect(sharedBy('alice', 'a')).not.toBe(sharedBy('alice', 'b'))
  })
})

describe('a broker', () => {
  it('enforces nothing as long as no user and no client id has a quota', async () => {
    const { broker, quotas } = opened
    expect(broker.isEnforced).toBe(false)
    await setQuotas(quotas, { ip: null }, { connection_creation_rate: 1 })
    expect(broker.isEnforced).toBe(false)
    await setQuotas(quotas, { user: 'alice' }, { producer_byte_rate: 1 })
    expect(broker.isEnforced).toBe(true)
    await setQuotas(quotas, { user: 'alice' }, { producer_byte_rate: undefined })
    expect(broker.isEnforced).toBe(false)
  })

  it('throttles a producer until its rate is at the quota', async () => {
    const { broker, quotas, clock } = opened
    await setQuotas(quotas, { user: 'alice' }, { producer_byte_rate: 1_000 })
    // 10 s, that is ten whole samples and the one that has begun, at 1000 bytes a second.
    expect(broker.record(client, used({ counts: 'produce', bytes: 10_000 }))).toBe(0)
    expect(broker.record(client, used({ counts: 'produce', bytes: 500 }))).toBe(500)
    await clock.advance(499)
    expect(broker.record(client, used({ counts: 'produce', bytes: 0 }))).toBe(1)
    await clock.advance(1)
    expect(broker.record(client, used({ counts: 'produce', bytes: 0 }))).toBe(0)
    await clock.advance(11_000)
    expect(broker.record(client, used({ counts: 'produce', bytes: 10_000 }))).toBe(0)
  })

  it('counts a fetch that is throttled not at all, and lets no larger one pass than the window holds', async () => {
    const { broker, quotas } = opened
    expect(broker.maxFetchBytes(client)).toBe(Number.POSITIVE_INFINITY)
    await setQuotas(quotas, { 'client-id': 'reader' }, { consumer_byte_rate: 1_000 })
    expect(broker.maxFetchBytes(client)).toBe(10_000)
    expect(broker.record(client, used({ counts: 'fetch', bytes: 15_000 }))).toBe(5_000)
    expect(broker.record(client, used({ counts: 'fetch', bytes: 10_000 }))).toBe(0)
    expect(broker.record(client, used({ counts: 'fetch', bytes: 1_000 }))).toBe(1_000)
    expect(broker.record(client, used({ counts: 'fetch', bytes: 0 }))).toBe(0)
  })

  it('throttles who takes more of the event loop than its percentage, by one sample at most', async () => {
    const { broker, quotas } = opened
    await setQuotas(quotas, { user: null }, { request_percentage: 1 })
    // One percent of ten seconds.
    expect(broker.record(client, used({ threadMs: 100 }))).toBe(0)
    expect(broker.record(client, used({ threadMs: 5 }))).toBe(500)
    expect(broker.record(client, used({ threadMs: 500 }))).toBe(1_000)
    expect(broker.record({ ...client, user: 'bob' }, used({ threadMs: 50 }))).toBe(0)
  })

  it('counts the time of a request that nobody answers not at all', async () => {
    const { broker, quotas } = opened
    await setQuotas(quotas, { user: null }, { request_percentage: 1 })
    expect(broker.record(client, used({ threadMs: 10_000, isUnanswered: true }))).toBe(0)
    expect(broker.record(client, used({ threadMs: 1 }))).toBe(0)
  })

  it('refuses changes once the bucket is overdrawn, and lets old clients wait instead', async () => {
    const { broker, quotas, clock } = opened
    expect(broker.mutationQuota(client, true).throttleMs).toBe(0)
    await setQuotas(quotas, { user: 'alice' }, { controller_mutation_rate: 2 })
    const strict = broker.mutationQuota(client, true)
    strict.record(20)
    strict.record(10)
    expect(strict.throttleMs).toBe(0)
    // 22 were there.
    expect(() => strict.record(1)).toThrow('The throttling quota has been exceeded.')
    expect(strict.throttleMs).toBe(4_000)
    await clock.advance(1_000)
    expect(strict.throttleMs).toBe(3_000)
    const permissive = broker.mutationQuota(client, false)
    permissive.record(2)
    expect(permissive.throttleMs).toBe(4_000)
    await clock.advance(4_000)
    broker.mutationQuota(client, true).record(1)
  })

  it('forgets clients that have done nothing for a window, however many come', async () => {
    const { broker, quotas, clock } = opened
    await setQuotas(quotas, { 'client-id': null }, { producer_byte_rate: 1_000 })
    const usage = used({ counts: 'produce', bytes: 20_000 })
    for (let index = 0; index < 9_000; index += 1) broker.record({ user: 'u', clientId: `old-${index}` }, usage)
    await clock.advance(5_000)
    expect(broker.record({ user: 'u', clientId: 'kept' }, usage)).toBe(10_000)
    await clock.advance(6_000)
    for (let index = 0; index < 9_000; index += 1) broker.record({ user: 'u', clientId: `new-${index}` }, usage)
    expect(broker.rememberedClients).toBeLessThan(10_100)
    expect(broker.record({ user: 'u', clientId: 'kept' }, used({ counts: 'produce' }))).toBeGreaterThan(0)
  })

  it('takes a quota that changes at once, with what was used before', async () => {
    const { broker, quotas } = opened
    await setQuotas(quotas, { user: 'alice' }, { producer_byte_rate: 1_000 })
    expect(broker.record(client, used({ counts: 'produce', bytes: 10_000 }))).toBe(0)
    await setQuotas(quotas, { user: 'alice' }, { producer_byte_rate: 500 })
    expect(broker.record(client, used({ counts: 'produce', bytes: 0 }))).toBe(10_000)
  })
})
