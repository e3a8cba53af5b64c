/** Log levels as configs (KIP-412): what is let through changes while the broker runs. */
import { expect, it } from 'vitest'
import { describeConfigs } from '../../protocol/messages/describe-configs.ts'
import { incrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.ts'
import { startBroker } from '../../src/broker.ts'
import type { ConfigOperation } from '../../src/cluster/config-commands.ts'
import { describeConfigs as describeResource } from '../../src/cluster/config-descriptions.ts'
import { LogLevels } from '../../src/runtime/log-levels.ts'
import { createLogger } from '../../src/runtime/pino-logger.ts'
import { Peer } from '../comparison/peer.ts'
import { openCluster } from './open-cluster.ts'

function recorder(level: 'warn' | 'debug') {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line).msg) }
  return { lines, logger: createLogger({ level, destination }) }
}

async function open() {
  const { lines, logger } = recorder('warn')
  const { cluster, brokers } = await openCluster({ logger })
  const alter = (operations: readonly ConfigOperation[], validateOnly = false) =>
    cluster.alterConfigs(brokers[0]!, [{ type: 'brokerLogger', name: '1', operations, replacesAll: false }], {
      validateOnly,
    })
  const levels = () =>
    Object.fromEntries(describeResource(brokers[0]!, 'brokerLogger', '1').map(({ name, value }) => [name, value]))
  return { cluster, lines, alter, levels }
}

const set = (name: string, value: string): ConfigOperation => ({ name, kind: 'SET', value })

it('lets through what its level says, or that of root', async () => {
  const { cluster, lines, alter, levels } = await open()
  const room = cluster.logLevels.logger('a.room')
  const other = cluster.logLevels.logger('other.room')
  const say = (): string[] => {
    lines.length = 0
    for (const [name, logger] of Object.entries({ room, other })) {
      logger.debug({}, `${name} debug`)
      logger.warn({}, `${name} warn`)
      logger.error({}, `${name} error`)
    }
    return [...lines]
  }
  const usual = ['room warn', 'room error', 'other warn', 'other error']
  expect(levels()).toEqual({ root: 'WARN', 'a.room': 'WARN', 'other.room': 'WARN' })
  expect(say()).toEqual(usual)
  expect(await alter([set('a.room', 'DEBUG')], true)).toEqual([undefined])
  expect(say()).toEqual(usual)
  expect(await alter([set('a.room', 'DEBUG'), set('root', 'ERROR')])).toEqual([undefined])
  expect(levels()).toEqual({ root: 'ERROR', 'a.room': 'DEBUG', 'other.room': 'ERROR' })
  expect(say()).toEqual(['room debug', 'room warn', 'room error', 'other error'])
  expect(await alter([{ name: 'a.room', kind: 'DELETE', value: '' }])).toEqual([undefined])
  expect(levels()).toEqual({ root: 'ERROR', 'a.room': 'ERROR', 'other.room': 'ERROR' })
  expect(await alter([set('root', 'FATAL')])).toEqual([undefined])
  expect(say()).toEqual([])
  expect(await alter([set('root', 'TRACE')])).toEqual([undefined])
  expect(say()).toHaveLength(6)
  await cluster.close()
})

it('changes nothing when one of several can not be', async () => {
  const { cluster, alter, levels } = await open()
  expect(await alter([set('root', 'DEBUG'), set('nobody', 'DEBUG')])).toMatchObject([{ kafkaError: 'INVALID_CONFIG' }])
  expect(levels()).toEqual({ root: 'WARN' })
  await cluster.close()
})

it('starts from the level of a logger that is handed in, and from INFO without one', () => {
  expect(new LogLevels(recorder('debug').logger).levelOf('root')).toBe('DEBUG')
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  expect(new LogLevels(silent).levelOf('any')).toBe('INFO')
})

it('has a logger for each room of a broker', async () => {
  const broker = await startBroker({ port: 0, memory: true })
  const peer = new Peer(Number(broker.bootstrapServers.split(':')[1]))
  const resources = [{ resourceType: 8, resourceName: '1', configurationKeys: null }]
  const answer = await peer.ask(describeConfigs, 4, { resources })
  if (typeof answer === 'string') throw new Error(answer)
  expect(answer.results[0]!.configs.map(({ name }) => name)).toEqual([
    'kafka.coordinator.transaction.TransactionCoordinator',
    'kafka.network.SocketServer',
    'kafka.server.BrokerServer',
    'kafka.server.KafkaApis',
    'org.apache.kafka.controller.QuorumController',
    'org.apache.kafka.coordinator.group.GroupCoordinatorService',
    'org.apache.kafka.storage.internals.log.LogManager',
    'root',
  ])
  peer.close()
  await broker.close()
})

it('logs requests from when their logger is told to, until it is told not to', async () => {
  const { lines, logger } = recorder('warn')
  const broker = await startBroker({ port: 0, memory: true, logger })
  const peer = new Peer(Number(broker.bootstrapServers.split(':')[1]))
  const tell = async (value: string): Promise<void> => {
    const configs = [{ name: 'kafka.server.KafkaApis', configOperation: 0, value }]
    const resources = [{ resourceType: 8, resourceName: '1', configs }]
    expect(await peer.ask(incrementalAlterConfigs, 1, { resources })).toMatchObject({ responses: [{ errorCode: 0 }] })
  }
  const said = (): number => lines.filter((line) => line === 'request').length
  await tell('WARN')
  expect(said()).toBe(0)
  await tell('DEBUG')
  await tell('TRACE')
  expect(said()).toBe(1)
  await tell('WARN')
  const before = said()
  await tell('ERROR')
  expect(said()).toBe(before)
  peer.close()
  await broker.close()
})
