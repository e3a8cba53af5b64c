import { describe, expect, it } from 'vitest'
import { entityOf } from '../../src/quotas/quota-entity.ts'
import { QuotaFilter } from '../../src/quotas/quota-filter.ts'
import { openQuotas, setQuotas } from './open-quotas.ts'

const everything = new QuotaFilter([], false)

describe('client quotas', () => {
  it('are there after a restart', async () => {
    const first = await openQuotas()
    await setQuotas(
      first.quotas,
      { user: 'alice', 'client-id': null },
      { producer_byte_rate: 5, request_percentage: 0.5 },
    )
    await setQuotas(first.quotas, { ip: '::1' }, { connection_creation_rate: 7 })
    await setQuotas(first.quotas, { user: 'alice', 'client-id': null }, { producer_byte_rate: undefined })
    await first.cluster.close()
    const second = await openQuotas(first.files)
    const found = second.quotas.describe(everything)
    expect(found.map(({ entity, values }) => [Object.fromEntries(entity), Object.fromEntries(values)])).toEqual([
      [{ 'client-id': null, user: 'alice' }, { request_percentage: 0.5 }],
      [{ ip: '::1' }, { connection_creation_rate: 7 }],
    ])
    await second.cluster.close()
  })

  it('write nothing where nothing changes', async () => {
    const { cluster, quotas } = await openQuotas()
    await setQuotas(quotas, { user: 'alice' }, { producer_byte_rate: 5 })
    const { endOffset } = cluster.metadata
    await setQuotas(quotas, { user: 'alice' }, { producer_byte_rate: 5, consumer_byte_rate: undefined })
    expect(cluster.metadata.endOffset).toBe(endOffset)
    await cluster.close()
  })

  it.each([Number.NaN, 0, -1, Number.POSITIVE_INFINITY, 1.5])('can not be %d bytes a second', async (value) => {
    const { cluster, quotas } = await openQuotas()
    await expect(setQuotas(quotas, { user: 'alice' }, { producer_byte_rate: value })).rejects.toThrow(
      'producer_byte_rate',
    )
    await cluster.close()
  })

  it('are refused all together when they are more than one command may change', async () => {
    const { cluster, quotas } = await openQuotas()
    const alterations = Array.from({ length: 10_001 }, (_, index) => ({
      entity: entityOf([{ entityType: 'user', entityName: `user-${index}` }]),
      values: new Map([['producer_byte_rate', 1]]),
      hasRepeatedKey: false,
    }))
    const options = { validateOnly: false, isAddress: () => true }
    await expect(quotas.alter(alterations, options)).rejects.toMatchObject({ kafkaError: 'POLICY_VIOLATION' })
    expect(quotas.describe(everything)).toEqual([])
    const results = await quotas.alter(alterations.slice(1), options)
    expect(results.every(({ error }) => error === undefined)).toBe(true)
    expect(quotas.describe(everything)).toHaveLength(10_000)
    await cluster.close()
  })
})
