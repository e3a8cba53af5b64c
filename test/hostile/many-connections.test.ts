import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { Listener } from '../../src/network/index.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { until } from '../network/raw-client.ts'
import { isServed, startUnderTest } from './broker-under-test.ts'
import { openIdle } from './idle-connections.ts'

const atATime = 100

async function socketTo(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

it('a thousand idle connections are all closed by the idle limit', async () => {
  const clock = new SimulatedClock()
  const maxIdleMs = 600_000
  const listener = await Listener.open({
    name: 'PLAINTEXT',
    bindAddresses: ['127.0.0.1'],
    port: 0,
    maxRequestBytes: 1000,
    maxIdleMs,
    clock,
    logger: silentLogger,
  })
  onTestFinished(() => listener.close())
  let closings = 0
  const closed = (): void => {
    closings += 1
  }
  listener.start(() => ({ receive: () => {}, closed }))
  const sockets = await openIdle(listener.port, 1000)
  onTestFinished(() => sockets.forEach((socket) => void socket.destroy()))
  await until(() => listener.connectionCount === 1000)
  await clock.advance(2 * maxIdleMs)
  await until(() => closings === 1000)
  expect(listener.connectionCount).toBe(0)
})

it('a storm of two thousand connections that come and go leaves others served', async () => {
  const { ports, errors } = await startUnderTest()
  let served = 0
  for (let storms = 0; storms < 2000 / atATime; storms += 1) {
    await Promise.all(
      Array.from({ length: atATime }, async (_, index) => {
        const socket = await socketTo(ports[0]!)
        if (index % 3 === 0) socket.write(Buffer.from([0, 0, 0]))
        if (index % 2 === 0) socket.resetAndDestroy()
        else socket.destroy()
      }),
    )
    served += Number(await isServed(ports[0]!))
  }
  expect(served).toBe(20)
  expect(errors).toEqual([])
})
