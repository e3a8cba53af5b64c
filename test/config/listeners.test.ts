import { describe, expect, it } from 'vitest'
import { BrokerConfig, type BrokerConfigSources } from '../../src/config/broker-config.ts'

const load = (sources: BrokerConfigSources) => BrokerConfig.load({ hostName: 'myhost', ...sources })

/** name host:port > advertised */
const summary = (sources: BrokerConfigSources) =>
  load(sources).listeners.map(
    ({ name, bindAddresses, port, advertisedHost, advertisedPort }) =>
      `${name} ${bindAddresses.join('+')} ${port} > ${advertisedHost}:${advertisedPort}`,
  )

const twoNames = 'listener.security.protocol.map=INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT\n'

describe('listeners', () => {
  it('are both loopback addresses on 9092 when nothing is set', () => {
    expect(load({}).listeners).toEqual([
      {
        name: 'PLAINTEXT',
        protocol: 'PLAINTEXT',
        host: 'localhost',
        bindAddresses: ['127.0.0.1', '::1'],
        port: 9092,
        advertisedHost: 'localhost',
        advertisedPort: 9092,
      },
    ])
    expect(load({}).warnings).toEqual([])
  })

  it('follow --port and --host', () => {
    expect(summary({ port: 0 })).toEqual(['PLAINTEXT 127.0.0.1+::1 0 > localhost:0'])
    expect(summary({ host: '10.0.0.5' })).toEqual(['PLAINTEXT 10.0.0.5 9092 > 10.0.0.5:9092'])
    expect(summary({ host: '::1', port: 5 })).toEqual(['PLAINTEXT ::1 5 > ::1:5'])
    const file =
      'listeners=CONTROLLER://:9093,PLAINTEXT://10.0.0.5:9092\nadvertised.listeners=PLAINTEXT://outside:19092'
    expect(summary({ file, port: 7 })).toEqual(['PLAINTEXT 10.0.0.5 7 > outside:19092'])
    expect(load({ file, port: 7 }).get('listeners')).toEqual(['CONTROLLER://:9093', 'PLAINTEXT://10.0.0.5:7'])
  })

  it('leave out those of the controller, whatever they would speak', () => {
    const file = [
      'listeners=PLAINTEXT://localhost:9092,CTRL://:9093',
      'controller.listener.names=CTRL',
      'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CTRL:SASL_SSL',
    ].join('\n')
    expect(summary({ file })).toEqual(['PLAINTEXT 127.0.0.1+::1 9092 > localhost:9092'])
  })

  it.each(['', '0.0.0.0', '[::]'])('bound to "%s" advertise the host name and warn', (host) => {
    const file = `listeners=PLAINTEXT://${host}:9092`
    expect(summary({ file })[0]).toMatch(/^PLAINTEXT (::|0\.0\.0\.0) 9092 > myhost:9092$/)
    expect(load({ file }).warnings).toEqual([
      'Listener PLAINTEXT is bound to every address and advertises the host name myhost: ' +
        'set advertised.listeners if clients reach this broker by another name.',
    ])
    expect(load({ file: `${file}\nadvertised.listeners=PLAINTEXT://h:1` }).warnings).toEqual([])
  })

  it('bound to every address by --host warn too', () => {
    expect(load({ host: '0.0.0.0' }).warnings).toHaveLength(1)
    expect(summary({ host: '0.0.0.0' })).toEqual(['PLAINTEXT 0.0.0.0 9092 > myhost:9092'])
  })

  it('have names of their own, each with what it advertises', () => {
    const file = `${twoNames}listeners=INTERNAL://:29092,external://:9092,CONTROLLER://:9093
advertised.listeners=INTERNAL://broker:29092,EXTERNAL://localhost:9092
inter.broker.listener.name=INTERNAL`
    expect(summary({ file })).toEqual(['INTERNAL :: 29092 > broker:29092', 'EXTERNAL :: 9092 > localhost:9092'])
    expect(load({ file }).warnings).toEqual([])
  })

  it('are those that KAFKA_ADVERTISED_LISTENERS names, on every address, where nothing says where to listen', () => {
    const advertised = 'PLAINTEXT://broker:29092,PLAINTEXT_HOST://localhost:9092,IPV6://[::1]:9093'
    const environment = {
      KAFKA_ADVERTISED_LISTENERS: advertised,
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,PLAINTEXT_HOST:PLAINTEXT,IPV6:PLAINTEXT',
      KAFKA_INTER_BROKER_LISTENER_NAME: 'PLAINTEXT',
    }
    expect(summary({ environment })).toEqual([
      'PLAINTEXT 0.0.0.0 29092 > broker:29092',
      'PLAINTEXT_HOST 0.0.0.0 9092 > localhost:9092',
      'IPV6 0.0.0.0 9093 > ::1:9093',
    ])
    const one = { KAFKA_ADVERTISED_LISTENERS: 'PLAINTEXT://broker:29092' }
    const here = 'listeners=PLAINTEXT://127.0.0.1:9092'
    expect(summary({ environment: one, file: here })).toEqual(['PLAINTEXT 127.0.0.1 9092 > broker:29092'])
    const settings = { listeners: 'PLAINTEXT://127.0.0.1:9092' }
    expect(summary({ environment: one, settings })).toEqual(['PLAINTEXT 127.0.0.1 9092 > broker:29092'])
    const without = { file: 'advertised.listeners=PLAINTEXT://broker:29092' }
    expect(summary(without)[0]).toBe(summary({ environment: {}, ...without })[0])
    expect(summary(without)[0]).not.toContain('0.0.0.0')
  })

  it('that are not advertised fall back to their own address, with a warning', () => {
    const file = `${twoNames}listeners=INTERNAL://127.0.0.1:29092,EXTERNAL://127.0.0.1:9092
advertised.listeners=INTERNAL://broker:29092
inter.broker.listener.name=INTERNAL`
    expect(summary({ file })[1]).toBe('EXTERNAL 127.0.0.1 9092 > 127.0.0.1:9092')
    expect(load({ file }).warnings).toEqual([
      'Listener EXTERNAL is not in advertised.listeners: its clients are told the address in listeners.',
    ])
  })

  it.each([
    ['listeners=SASL_SSL://:9093\nsecurity.inter.broker.protocol=SASL_SSL', 'SASL_SSL'],
    ['listeners=SSL://:9093\nsecurity.inter.broker.protocol=SSL', 'SSL'],
    [
      'listeners=SECURE://:9093,PLAINTEXT://:9092\nlistener.security.protocol.map=SECURE:SASL_PLAINTEXT,PLAINTEXT:PLAINTEXT',
      'SASL_PLAINTEXT',
    ],
  ])('have the protocol that the map gives them: %s', (file, protocol) => {
    expect(load({ file }).listeners[0]!.protocol).toBe(protocol)
  })
})
