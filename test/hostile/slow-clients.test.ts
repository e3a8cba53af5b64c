/** Clients that begin something and let it lie, in every phase of a connection; the TLS handshake is in test/network/tls.test.ts. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { heartbeat, saslAuthenticate, saslHandshake } from '../../protocol/messages/index.ts'
import type { Api } from '../../protocol/schema/index.ts'
import type { Rooms } from '../../src/handlers/context.ts'
import { handle } from '../../src/handlers/handler.ts'
import { saslAuthenticateHandler } from '../../src/handlers/sasl-authenticate.ts'
import { saslHandshakeHandler } from '../../src/handlers/sasl-handshake.ts'
import { Listener } from '../../src/network/index.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { PlainMechanism } from '../../src/security/sasl/plain.ts'
import { SaslAuthentication } from '../../src/security/sasl/sasl-authentication.ts'
import { authenticationTimeoutMs, Server } from '../../src/server/index.ts'
import { type RawClient, until } from '../network/raw-client.ts'
import { request } from '../server/serving.ts'
import { connected } from './broker-under-test.ts'

const maxIdleMs = 600_000
const beat = request(heartbeat as Api, 4, { groupId: 'g', generationId: 1, memberId: 'm' })
const handlers = [
  handle(heartbeat, { serve: () => ({}), fail: () => ({}) }),
  saslHandshakeHandler,
  saslAuthenticateHandler,
]

/** On simulated time; with `hasLogin` a connection has to authenticate. */
async function open(hasLogin: boolean) {
  const clock = new SimulatedClock()
  const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const config = { get: () => 524_288 }
  const server = new Server({ handlers, clock, logger, config, quotas: { isEnforced: false } } as unknown as Rooms)
  const listener = await Listener.open({
    name: 'PLAINTEXT',
    bindAddresses: ['127.0.0.1'],
    port: 0,
    maxRequestBytes: 20_000_000,
    maxIdleMs,
    clock,
    logger,
  })
  let receivedBytes = 0
  const mechanisms = new Map([['PLAIN', new PlainMechanism(new Map([['alice', 'a']]), 0)]])
  const authenticationFor = () => new SaslAuthentication({ mechanisms, clock, failureDelayMs: 0 })
  listener.start((connection) => {
    const pipeline = hasLogin
      ? server.accept(connection, { protocol: 'SASL_PLAINTEXT', authenticationFor })
      : server.accept(connection)
    return {
      receive: (frame) => {
        receivedBytes += frame.length
        pipeline.receive(frame)
      },
      closed: () => pipeline.closed(),
    }
  })
  onTestFinished(async () => {
    await listener.close()
    await server.close()
  })
  const client = await connected(listener.port)
  await until(() => listener.connectionCount === 1)
  return { clock, listener, client, receivedBytes: () => receivedBytes }
}

async function isAlive(client: RawClient, clock: SimulatedClock): Promise<boolean> {
  await clock.advance(0)
  return !client.isClosed
}

describe('a client that stops', () => {
  it.each([
    ['before its first byte', 0],
    ['in the size of a request', 2],
    ['in the header of a request', 9],
    ['in the body of a request', beat.length - 1],
  ])('%s is cut off as idle', async (_, length) => {
    const { clock, client, listener } = await open(false)
    if (length > 0) await client.sent(beat.subarray(0, length))
    await clock.advance(maxIdleMs / 2)
    expect(await isAlive(client, clock)).toBe(true)
    await clock.advance(maxIdleMs)
    await client.closed()
    await until(() => listener.connectionCount === 0)
  })

  it('in a body of 20 MB that it has announced costs others nothing', async () => {
    const { client, listener, receivedBytes } = await open(false)
    const start = Buffer.alloc(1000)
    start.writeInt32BE(20_000_000)
    await client.sent(start)
    const other = await connected(listener.port)
    other.send(beat)
    await other.frame()
    expect(receivedBytes()).toBe(beat.length - 4)
  })
})

describe('a client that trickles', () => {
  it('has its request served when it is whole, however small the parts', async () => {
    const { clock, client } = await open(false)
    for (const byte of beat) {
      await client.sent(Buffer.of(byte))
      await clock.advance(1000)
    }
    await client.frame()
  })

  const handshake = request(saslHandshake as Api, 1, { mechanism: 'PLAIN' })
  const token = request(saslAuthenticate as Api, 2, { authBytes: Buffer.from('\0alice\0a') })

  it.each([
    ['its first request', [] as Buffer[], handshake],
    ['its token', [handshake], token],
  ])('%s instead of its login is cut off after half a minute', async (_, before, last) => {
    const { clock, client, listener } = await open(true)
    for (const each of before) {
      client.send(each)
      await client.frame()
    }
    const stepMs = Math.ceil(authenticationTimeoutMs / last.length)
    for (const byte of last.subarray(0, -2)) {
      await client.sent(Buffer.of(byte))
      await clock.advance(stepMs)
    }
    expect(client.isClosed).toBe(false)
    await clock.advance(2 * stepMs)
    await client.closed()
    await until(() => listener.connectionCount === 0)
  })

  it('requests that nobody reads the answers of is cut off as idle', async () => {
    const { clock, client, listener } = await open(false)
    client.socket.pause()
    const many = Buffer.concat(Array<Buffer>(1000).fill(beat))
    client.send(many)
    await until(() => client.socket.writableLength === 0)
    await clock.advance(2 * maxIdleMs)
    await until(() => listener.connectionCount === 0)
  })
})
