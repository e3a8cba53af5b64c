/** Connection limits as clients meet them, from several addresses of this machine. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
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

  it('change while the broker runs, and close the connections that were idle for longest', async () => {
    const [port] = await start({ listeners })
    const idle = await connected(port!)
    expect(await outcome(idle)).toBe('answered')
    const busy = await RawClient.connect(port!)
    onTestFinished(() => busy.destroy())
    const configs = [{ name: 'max.connections', configOperation: 0, value: '1' }]
    busy.send(request(incrementalAlterConfigs, 1, { resources: [{ resourceType: 4, resourceName: '', configs }] }))
    const { responses } = answer<{ responses: { errorCode: number }[] }>(
      incrementalAlterConfigs,
      1,
      await busy.frame(),
    ).body
    expect(responses[0]!.errorCode).toBe(0)
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
