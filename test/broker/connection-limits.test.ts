/** Connection limits as clients meet them, from several addresses of this machine. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { alterClientQuotas, apiVersions, incrementalAlterConfigs, metadata } from '../../protocol/messages/index.ts'
import { startBroker } from '../../src/broker.ts'
import { RawClient } from '../network/raw-client.ts'
import { answer, request } from '../server/serving.ts'

async function start(settings: Record<string, string>): Promise<number[]> {
  const broker = await startBroker({ memory: true, settings })
  onTestFinished(() => broker.close())
  return broker.bootstrapServers.split(',').map((address) => Number(address.split(':').at(-1)))
}

async function connected(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Answered, or closed without an answer. */
async function outcome(socket: Socket): Promise<'answered' | 'closed'> {
  socket.write(request(apiVersions, 0, {}))
  return Promise.race([
    once(socket, 'data').then(() => 'answered' as const),
    once(socket, 'close').then(() => 'closed' as const),
  ])
}

/** For all brokers; null: not any more. Code and message of the answer. */
async function set(admin: RawClient, name: string, value: string | null): Promise<[number, string | null]> {
  const configs = [{ name, configOperation: value === null ? 1 : 0, value }]
  admin.send(request(incrementalAlterConfigs, 1, { resources: [{ resourceType: 4, resourceName: '', configs }] }))
  const { body } = answer<{ responses: { errorCode: number; errorMessage: string | null }[] }>(
    incrementalAlterConfigs,
    1,
    await admin.frame(),
  )
  return [body.responses[0]!.errorCode, body.responses[0]!.errorMessage]
}

const listeners = 'PLAINTEXT://127.0.0.1:0'

describe('connection limits', () => {
  it('close what an address has too many of', async () => {
    const [port] = await start({
      listeners,
      'max.connections.per.ip': '2',
      'max.connections.per.ip.overrides': '127.0.0.2:1',
    })
    const first = await connected(port!)
    expect(await outcome(first)).toBe('answered')
    expect(await outcome(await connected(port!))).toBe('answered')
    expect(await outcome(await connected(port!))).toBe('closed')
    expect(await outcome(await connected(port!, '127.0.0.2'))).toBe('answered')
    expect(await outcome(await connected(port!, '127.0.0.2'))).toBe('closed')
    expect(await outcome(await connected(port!, '127.0.0.3'))).toBe('answered')
    first.destroy()
    await expect.poll(async () => outcome(await connected(port!))).toBe('answered')
  })

  it('let connections above max.connections wait until there is room', async () => {
    const [port] = await start({ listeners, 'max.connections': '2' })
    const first = await connected(port!)
    expect(await outcome(first)).toBe('answered')
    expect(await outcome(await connected(port!))).toBe('answered')
    const waiting = outcome(await connected(port!))
    const gone = await connected(port!)
    gone.destroy()
    first.destroy()
    expect(await waiting).toBe('answered')
  })

  it('of one listener change while the broker runs: those beyond wait, none are closed, and 0 is refused', async () => {
    const name = 'listener.name.plaintext.max.connections'
    const [port] = await start({ listeners })
    const admin = await RawClient.connect(port!)
    onTestFinished(() => admin.destroy())
    expect(await set(admin, name, '2')).toEqual([0, null])
    const second = await connected(port!)
    expect(await outcome(second)).toBe('answered')
    const waiting = await connected(port!)
    const served = outcome(waiting)
    expect(await set(admin, name, '1')).toEqual([0, null])
    expect(await set(admin, name, '0')).toEqual([
      errorCode('INVALID_REQUEST'),
      'Invalid value org.apache.kafka.common.config.ConfigException: Invalid max.connections 0 for configuration Invalid dynamic configuration',
    ])
    expect([second.closed, waiting.bytesRead]).toEqual([false, 0])
    expect(await set(admin, name, null)).toEqual([0, null])
    expect(await served).toBe('answered')
  })

  it('of none at all are answered before all connections are closed', async () => {
    const [port] = await start({ listeners })
    const admin = await RawClient.connect(port!)
    onTestFinished(() => admin.destroy())
    expect(await set(admin, 'max.connections', '0')).toEqual([0, null])
    await admin.closed()
    const late = await connected(port!)
    late.write(request(apiVersions, 0, {}))
    expect(late.bytesRead).toBe(0)
  })

  it('change while the broker runs, and close the connections that were idle for longest', async () => {
    const [port] = await start({ listeners })
    const idle = await connected(port!)
    expect(await outcome(idle)).toBe('answered')
    const busy = await RawClient.connect(port!)
    onTestFinished(() => busy.destroy())
    expect(await set(busy, 'max.connections', '1')).toEqual([0, null])
    if (!idle.closed) await once(idle, 'close')
    busy.send(request(metadata, 9, {}))
    await busy.frame()
  })

  it('hold and close connections of an address that connects too fast', async () => {
    const [port] = await start({
      listeners,
      'listener.name.plaintext.max.connection.creation.rate': '1000',
      'quota.window.num': '2',
    })
    const admin = await RawClient.connect(port!)
    onTestFinished(() => admin.destroy())
    const entity = [{ entityType: 'ip', entityName: '127.0.0.7' }]
    const ops = [{ key: 'connection_creation_rate', value: 2, remove: false }]
    admin.send(request(alterClientQuotas, 1, { entries: [{ entity, ops }] }))
    await admin.frame()
    expect(await outcome(await connected(port!, '127.0.0.7'))).toBe('answered')
    expect(await outcome(await connected(port!, '127.0.0.7'))).toBe('answered')
    const refused = await connected(port!, '127.0.0.7')
    const startMs = performance.now()
    expect(await outcome(refused)).toBe('closed')
    expect(performance.now() - startMs).toBeGreaterThan(200)
    expect(await outcome(await connected(port!, '127.0.0.8'))).toBe('answered')
  })
})
