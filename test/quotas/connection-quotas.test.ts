import { describe, expect, it } from 'vitest'
import { BrokerConfig } from '../../src/config/index.ts'
import { AddressRates } from '../../src/quotas/address-rates.ts'
import { type ConnectionLimits, connectionLimitsOf } from '../../src/quotas/connection-limits.ts'
import { ConnectionQuotas } from '../../src/quotas/connection-quotas.ts'
import { SimulatedClock, settle } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { openQuotas, setQuotas } from './open-quotas.ts'

const window = { samples: 11, sampleMs: 1_000 }
const unlimited = 0x7fffffff
const hostNames = {
  addressOf: async (name: string) => ({ 'known.example': '10.0.0.9' })[name],
}

interface Wanted {
  readonly broker?: Partial<Pick<ConnectionLimits, 'maxConnections' | 'maxCreationRate' | 'maxPerAddress' | 'maxOf'>>
  readonly listeners?: Readonly<Record<string, { maxConnections?: number; maxCreationRate?: number }>>
}

function limitsOf({ broker = {}, listeners = { CLIENTS: {} } }: Wanted): ConnectionLimits {
  const one = { maxConnections: unlimited, maxCreationRate: unlimited }
  return {
    ...one,
    maxPerAddress: unlimited,
    maxOf: new Map(),
    ...broker,
    byListener: new Map(Object.entries(listeners).map(([name, limits]) => [name, { ...one, ...limits }])),
  }
}

/** Tells what becomes of each connection: `served 1`, `refused 2 after 500`. */
async function open(wanted: Wanted = {}) {
  const { quotas: clientQuotas, cluster } = await openQuotas()
  const clock = new SimulatedClock()
  const told: string[] = []
  const idlest: string[] = []
  const quotas = new ConnectionQuotas({
    clock,
    limits: limitsOf(wanted),
    rates: new AddressRates(clientQuotas, hostNames, window),
    window,
    interBrokerListener: 'BROKERS',
    closeIdlest: (listener) => {
      idlest.push(listener)
      return true
    },
  })
  let arrived = 0
  const arrive = (address = '10.0.0.1', listener = 'CLIENTS'): (() => void) => {
    arrived += 1
    const id = arrived
    return quotas.admit(listener, address, {
      serve: () => told.push(`served ${id}`),
      refuse: (_reason, afterMs) => told.push(`refused ${id} after ${afterMs}`),
    })
  }
  return { quotas, clientQuotas, clock, told, idlest, arrive, close: () => cluster.close() }
}

describe('connections', () => {
  it('wait in their order for one of the listener to end', async () => {
    const { quotas, told, arrive } = await open({ listeners: { CLIENTS: { maxConnections: 2 }, OTHERS: {} } })
    for (let count = 0; count < 4; count += 1) arrive()
    arrive('10.0.0.1', 'OTHERS')
    expect(told).toEqual(['served 1', 'served 2', 'served 5'])
    quotas.release('OTHERS', '10.0.0.1')
    expect(told).toHaveLength(3)
    quotas.release('CLIENTS', '10.0.0.1')
    expect(told.at(-1)).toBe('served 3')
    quotas.release('CLIENTS', '10.0.0.1')
    expect(told.at(-1)).toBe('served 4')
  })

  it('are forgotten when they go while they wait', async () => {
    const { quotas, told, arrive } = await open({ broker: { maxConnections: 1 } })
    arrive()
    const leave = arrive()
    arrive()
    leave()
    quotas.release('CLIENTS', '10.0.0.1')
    expect(told).toEqual(['served 1', 'served 3'])
    expect(quotas.connections).toBe(1)
  })

  it('are closed at once when too many wait', async () => {
    const { told, arrive } = await open({ broker: { maxConnections: 1 } })
    for (let count = 0; count < 513; count += 1) arrive()
    expect(told).toEqual(['served 1', 'refused 513 after 0'])
  })

  it('are closed when their address has as many as it may, which can be its own number', async () => {
    const { quotas, told, arrive } = await open({
      broker: { maxPerAddress: 1, maxOf: new Map([['10.0.0.2', 2]]) },
    })
    for (const address of ['10.0.0.1', '10.0.0.1', '10.0.0.2', '10.0.0.2', '10.0.0.2']) arrive(address)
    expect(told).toEqual(['served 1', 'refused 2 after 0', 'served 3', 'served 4', 'refused 5 after 0'])
    quotas.release('CLIENTS', '10.0.0.1')
    arrive('10.0.0.1')
    expect(told.at(-1)).toBe('served 6')
  })

  it('wait while they come faster than the broker or their listener takes them', async () => {
    const { told, arrive, clock } = await open({ listeners: { CLIENTS: { maxCreationRate: 1 }, OTHERS: {} } })
    // Ten whole samples at one a second.
    for (let count = 0; count < 12; count += 1) arrive()
    expect(told).toHaveLength(10)
    arrive('10.0.0.1', 'OTHERS')
    expect(told.at(-1)).toBe('served 13')
    await clock.advance(999)
    expect(told).toHaveLength(11)
    await clock.advance(1)
    expect(told.at(-1)).toBe('served 11')
    await clock.advance(1_000)
    expect(told.at(-1)).toBe('served 12')
  })

  it('are held and then closed when their address connects too fast (KIP-612)', async () => {
    const { clientQuotas, told, arrive, clock } = await open()
    await setQuotas(clientQuotas, { ip: null }, { connection_creation_rate: 1 })
    await setQuotas(clientQuotas, { ip: '0:0:0:0:0:0:0:1' }, { connection_creation_rate: 2 })
    await setQuotas(clientQuotas, { ip: 'known.example' }, { connection_creation_rate: 100 })
    for (let count = 0; count < 11; count += 1) arrive()
    expect(told.at(-1)).toBe('refused 11 after 1000')
    for (let count = 0; count < 21; count += 1) arrive('::1')
    expect(told.slice(-2)).toEqual(['served 31', 'refused 32 after 500'])
    await settle()
    for (let count = 0; count < 21; count += 1) arrive('10.0.0.9')
    expect(told.at(-1)).toBe('served 53')
    // What was refused does not count.
    arrive('::1')
    expect(told.at(-1)).toBe('refused 54 after 500')
    await clock.advance(11_000)
    arrive()
    expect(told.at(-1)).toBe('served 55')
  })

  it('between brokers are taken above the limit of the broker, and close idle ones of clients', async () => {
    const { quotas, told, idlest, arrive } = await open({
      broker: { maxConnections: 2 },
      listeners: { CLIENTS: {}, BROKERS: {} },
    })
    arrive()
    arrive()
    arrive('10.0.0.5', 'BROKERS')
    expect(told).toHaveLength(3)
    expect(idlest).toEqual(['CLIENTS'])
    quotas.release('CLIENTS', '10.0.0.1')
    expect(quotas.connections).toBe(2)
    arrive()
    expect(told).toHaveLength(3)
  })

  it('that are too many after a change are closed, and those that wait go on', async () => {
    const { quotas, told, idlest, arrive } = await open({ broker: { maxConnections: 3 } })
    for (let count = 0; count < 4; count += 1) arrive()
    quotas.setLimits(limitsOf({ broker: { maxConnections: 4 } }))
    expect(told.at(-1)).toBe('served 4')
    quotas.setLimits(limitsOf({ broker: { maxConnections: 2 } }))
    expect(idlest).toEqual(['CLIENTS', 'CLIENTS'])
  })
})

describe('the limits', () => {
  it('come from the configs of broker and listener, with hosts by their addresses', async () => {
    const config = BrokerConfig.load({
      settings: {
        'max.connections': '7',
        'listener.name.clients.max.connections': '3',
        'listener.name.clients.max.connection.creation.rate': '5',
        'max.connections.per.ip.overrides': '127.0.0.1:4, known.example:5,unknown.example:6,::1:9',
      },
    })
    const limits = await connectionLimitsOf(config, ['CLIENTS', 'OTHERS'], { hostNames, logger: silentLogger })
    expect(limits).toEqual({
      maxConnections: 7,
      maxCreationRate: unlimited,
      maxPerAddress: unlimited,
      maxOf: new Map([
        ['127.0.0.1', 4],
        ['10.0.0.9', 5],
        ['::1', 9],
      ]),
      byListener: new Map([
        ['CLIENTS', { maxConnections: 3, maxCreationRate: 5 }],
        ['OTHERS', { maxConnections: 7, maxCreationRate: unlimited }],
      ]),
    })
  })
})
