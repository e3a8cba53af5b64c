/** What a connection with SASL may ask, step by step, on simulated time. */
import { describe, expect, it } from 'vitest'
import { apiVersions } from '../../protocol/messages/api-versions.ts'
import { heartbeat } from '../../protocol/messages/heartbeat.ts'
import { saslAuthenticate } from '../../protocol/messages/sasl-authenticate.ts'
import { saslHandshake } from '../../protocol/messages/sasl-handshake.ts'
import type { Api } from '../../protocol/schema/index.ts'
import type { Rooms } from '../../src/handlers/context.ts'
import { type Handler, handle } from '../../src/handlers/handler.ts'
import { saslAuthenticateHandler } from '../../src/handlers/sasl-authenticate.ts'
import { saslHandshakeHandler } from '../../src/handlers/sasl-handshake.ts'
import { SimulatedClock, settle } from '../../src/runtime/clock.ts'
import type { Access, Requester } from '../../src/security/access.ts'
import { AuthenticationFailure } from '../../src/security/authentication.ts'
import { principalText, userPrincipal } from '../../src/security/principal.ts'
import type { SaslMechanism } from '../../src/security/sasl/mechanism.ts'
import { PlainMechanism } from '../../src/security/sasl/plain.ts'
import { SaslAuthentication } from '../../src/security/sasl/sasl-authentication.ts'
import { authenticationTimeoutMs, Server } from '../../src/server/index.ts'
import { answer, FakeConnection, requestBody } from './serving.ts'

const users = new Map([
  ['alice', 'a'],
  ['bob', 'b'],
])

/** Two steps; what it shows ends after a second. */
const slow: SaslMechanism = {
  name: 'SLOW',
  maxReauthMs: 0,
  begin: () => {
    let steps = 0
    return {
      step: (token) => {
        if (token.toString() === 'wrong') throw new AuthenticationFailure('why is only for the log')
        steps += 1
        const identity = { principal: userPrincipal('alice'), expiresAtMs: 1_700_000_001_000 }
        return { token: Buffer.from(`step ${steps}`), ...(steps === 2 ? { identity } : {}) }
      },
    }
  },
}

function connect({ maxReauthMs = 0, failureDelayMs = 0 } = {}) {
  const clock = new SimulatedClock()
  const lines: { fields: Record<string, unknown>; message: string }[] = []
  const log = (fields: object, message: string) => void lines.push({ fields: { ...fields }, message })
  const logger = { debug: () => {}, info: () => {}, warn: log, error: log }
  const requesters: Requester[] = []
  const handlers: Handler[] = [
    handle(apiVersions, { serve: () => ({}), fail: () => ({}) }),
    handle(heartbeat, {
      serve: (_request, { connection, access }) => ({
        throttleTimeMs: access.isAllowed('Cluster', 'c', 'Read') ? connection.principal.name.length : 0,
      }),
      fail: (_request, errorCode) => ({ errorCode }),
    }),
    saslHandshakeHandler,
    saslAuthenticateHandler,
  ]
  const settings: Record<string, number> = { 'sasl.server.max.receive.size': 100, 'socket.request.max.bytes': 1000 }
  const config = { get: (name: string) => settings[name] }
  const accessFor = (requester: Requester): Access => {
    requesters.push(requester)
    return { isAllowed: () => true, isAllowedSomewhere: () => true, require: () => {} }
  }
  const server = new Server(
    { handlers, clock, logger, config, quotas: { isEnforced: false } } as unknown as Rooms,
    accessFor,
  )
  const mechanisms = new Map([
    ['PLAIN', new PlainMechanism(users, maxReauthMs)],
    ['SLOW', slow],
  ])
  const authentication = new SaslAuthentication({ mechanisms, clock, failureDelayMs })
  const limits: number[] = []
  const connection = Object.assign(new FakeConnection(), { limitFrames: (bytes: number) => void limits.push(bytes) })
  const pipeline = server.accept(connection, { protocol: 'SASL_PLAINTEXT', authenticationFor: () => authentication })
  const send = async (api: Api, version: number, body: object) => {
    pipeline.receive(requestBody(api, version, body))
    await settle()
  }
  /** The answer to the last request; undefined: there was none. */
  const ask = async (api: Api, version: number, body: object): Promise<Record<string, unknown> | undefined> => {
    const before = connection.sent.length
    await send(api, version, body)
    const bytes = connection.sent[before]
    return bytes && answer(api, version, bytes.subarray(4)).body
  }
  const plain = async (user: string, password: string, version = 2) => {
    await ask(saslHandshake, 1, { mechanism: 'PLAIN' })
    return ask(saslAuthenticate, version, { authBytes: Buffer.from(`\0${user}\0${password}`) })
  }
  const beat = () => ask(heartbeat, 4, { groupId: 'g', generationId: 1, memberId: 'm' })
  return { clock, lines, connection, pipeline, authentication, limits, requesters, ask, send, plain, beat }
}

describe('before it has authenticated, a connection', () => {
  it('is told versions', async () => {
    const { ask, connection } = connect()
    expect(await ask(apiVersions, 0, {})).toBeDefined()
    expect(connection.isClosed).toBe(false)
  })

  it('is cut off for anything else, whose body is not looked at', async () => {
    for (const [api, body] of [
      [heartbeat, {}],
      [saslAuthenticate, {}],
    ] as const) {
      const { send, connection, lines } = connect()
      await send(api, 1, body)
      expect(connection.isClosed).toBe(true)
      expect(connection.sent).toEqual([])
      expect(lines).toMatchObject([{ fields: { reason: 'it has to authenticate first' } }])
    }
  })

  it('may send small frames only, and larger ones after', async () => {
    const { limits, plain } = connect()
    expect(limits).toEqual([100])
    await plain('alice', 'a')
    expect(limits).toEqual([100, 1000])
  })

  it('has half a minute, whatever it sends meanwhile', async () => {
    const { clock, ask, connection, lines } = connect()
    await clock.advance(authenticationTimeoutMs - 1)
    await ask(apiVersions, 0, {})
    expect(connection.isClosed).toBe(false)
    await clock.advance(1)
    expect(connection.isClosed).toBe(true)
    expect(lines).toMatchObject([{ message: 'connection closed: not authenticated' }])
  })
})

describe('while it authenticates, a connection', () => {
  it('that sends something else is answered ILLEGAL_SASL_STATE, and cut off', async () => {
    const { ask, beat, connection, lines } = connect()
    await ask(saslHandshake, 1, { mechanism: 'PLAIN' })
    expect(await beat()).toMatchObject({ errorCode: 34 })
    expect(connection.isClosed).toBe(true)
    expect(lines).toMatchObject([
      { fields: { reason: 'Unexpected Kafka request of type HEARTBEAT during SASL authentication.' } },
    ])
  })

  it('may take several steps', async () => {
    const { ask, beat } = connect()
    await ask(saslHandshake, 1, { mechanism: 'SLOW' })
    const first = await ask(saslAuthenticate, 2, { authBytes: Buffer.from('x') })
    expect(first).toMatchObject({ errorCode: 0, authBytes: Buffer.from('step 1'), sessionLifetimeMs: 0 })
    const second = await ask(saslAuthenticate, 2, { authBytes: Buffer.from('x') })
    expect(second).toMatchObject({ errorCode: 0, authBytes: Buffer.from('step 2'), sessionLifetimeMs: 1000 })
    expect(await beat()).toMatchObject({ errorCode: 0, throttleTimeMs: 'alice'.length })
  })

  it('that fails hears of it late, is not told why, and is cut off; no other waits for it', async () => {
    const { ask, send, connection, clock, lines } = connect({ failureDelayMs: 100 })
    await ask(saslHandshake, 1, { mechanism: 'SLOW' })
    await send(saslAuthenticate, 2, { authBytes: Buffer.from('wrong') })
    await clock.advance(99)
    expect(connection.sent).toHaveLength(1)
    await clock.advance(1)
    expect(answer(saslAuthenticate, 2, connection.sent[1]!.subarray(4)).body).toMatchObject({
      errorCode: 58,
      errorMessage: 'Authentication failed during authentication due to invalid credentials with SASL mechanism SLOW',
    })
    expect(connection.isClosed).toBe(true)
    expect(lines).toMatchObject([
      { message: 'connection closed: not authenticated', fields: { reason: 'why is only for the log' } },
    ])
  })

  it('that fails hears of it however long the delay is', async () => {
    const { ask, send, connection, clock } = connect({ failureDelayMs: authenticationTimeoutMs + 1 })
    await ask(saslHandshake, 1, { mechanism: 'SLOW' })
    await send(saslAuthenticate, 2, { authBytes: Buffer.from('wrong') })
    await clock.advance(authenticationTimeoutMs + 1)
    expect(connection.sent).toHaveLength(2)
    expect(connection.isClosed).toBe(true)
  })

  it('that asks for an unknown mechanism is told the known ones, late, and cut off', async () => {
    const { send, connection, clock } = connect({ failureDelayMs: 100 })
    await send(saslHandshake, 1, { mechanism: 'GSSAPI' })
    expect(connection.sent).toHaveLength(0)
    await clock.advance(100)
    expect(answer(saslHandshake, 1, connection.sent[0]!.subarray(4)).body).toEqual({
      errorCode: 33,
      mechanisms: ['PLAIN', 'SLOW'],
    })
    expect(connection.isClosed).toBe(true)
  })

  it('sends bare tokens after SaslHandshake v0, and is answered with such', async () => {
    const { ask, pipeline, connection, beat } = connect()
    await ask(saslHandshake, 0, { mechanism: 'SLOW' })
    for (const expected of ['step 1', 'step 2']) {
      pipeline.receive(Buffer.from('x'))
      await settle()
      const sent = connection.sent.at(-1)!
      expect(sent.readInt32BE(0)).toBe(expected.length)
      expect(sent.subarray(4).toString()).toBe(expected)
    }
    expect(await beat()).toMatchObject({ throttleTimeMs: 'alice'.length })
  })

  it('is cut off without an answer for a bare token that is wrong', async () => {
    const { ask, pipeline, connection } = connect()
    await ask(saslHandshake, 0, { mechanism: 'SLOW' })
    pipeline.receive(Buffer.from('wrong'))
    await settle()
    expect(connection.sent).toHaveLength(1)
    expect(connection.isClosed).toBe(true)
  })

  it('has what it sends ahead served in order, and only after it is known', async () => {
    const { pipeline, connection } = connect()
    pipeline.receive(requestBody(saslHandshake, 1, { mechanism: 'PLAIN' }))
    pipeline.receive(requestBody(saslAuthenticate, 2, { authBytes: Buffer.from('\0alice\0a') }))
    pipeline.receive(requestBody(heartbeat, 4, { groupId: 'g', generationId: 1, memberId: 'm' }))
    await settle()
    expect(connection.sent).toHaveLength(3)
    expect(answer(heartbeat, 4, connection.sent[2]!.subarray(4)).body).toMatchObject({ throttleTimeMs: 5 })
  })
})

describe('once it has authenticated, a connection', () => {
  it('is somebody, who is asked about with host and listener', async () => {
    const { plain, beat, requesters } = connect()
    await plain('bob', 'b')
    expect(await beat()).toMatchObject({ throttleTimeMs: 'bob'.length })
    const { principal, ...where } = requesters.at(-1)!
    expect(principalText(principal)).toBe('User:bob')
    expect(where).toEqual({ clientAddress: '127.0.0.1', listener: 'PLAINTEXT' })
  })

  it('may not do so again where its session has no end', async () => {
    const { plain, ask, connection } = connect()
    await plain('alice', 'a')
    expect(await ask(saslHandshake, 1, { mechanism: 'PLAIN' })).toEqual({ errorCode: 34, mechanisms: [] })
    const again = await ask(saslAuthenticate, 2, { authBytes: Buffer.from('\0alice\0a') })
    expect(again).toMatchObject({ errorCode: 34 })
    expect(connection.isClosed).toBe(false)
  })
})

describe('a session with an end (KIP-368)', () => {
  const session = { maxReauthMs: 10_000 }

  it('is told of, and cut off when it is over', async () => {
    const { plain, beat, clock, connection, lines } = connect(session)
    expect(await plain('alice', 'a')).toMatchObject({ errorCode: 0, sessionLifetimeMs: 10_000 })
    await clock.advance(9_999)
    expect(await beat()).toMatchObject({ errorCode: 0 })
    await clock.advance(1)
    expect(await beat()).toBeUndefined()
    expect(connection.isClosed).toBe(true)
    expect(lines).toMatchObject([{ fields: { reason: 'its session has expired, and it did not authenticate again' } }])
  })

  it('goes on after another login, also when that comes late', async () => {
    const { plain, beat, clock } = connect(session)
    await plain('alice', 'a')
    await clock.advance(10_000)
    expect(await plain('alice', 'a')).toMatchObject({ errorCode: 0, sessionLifetimeMs: 10_000 })
    await clock.advance(9_000)
    expect(await beat()).toMatchObject({ errorCode: 0 })
  })

  it('may be renewed once a second', async () => {
    const { plain, ask, clock } = connect(session)
    await plain('alice', 'a')
    expect(await plain('alice', 'a')).toMatchObject({ errorCode: 0 })
    await clock.advance(999)
    expect(await ask(saslHandshake, 1, { mechanism: 'PLAIN' })).toMatchObject({ errorCode: 34 })
    await clock.advance(1)
    expect(await ask(saslHandshake, 1, { mechanism: 'PLAIN' })).toMatchObject({ errorCode: 0 })
  })

  it('stays the same principal', async () => {
    const { plain, connection } = connect(session)
    await plain('alice', 'a')
    expect(await plain('bob', 'b')).toMatchObject({
      errorCode: 58,
      errorMessage: 'Cannot change principals during re-authentication from User.alice: User.bob',
    })
    expect(connection.isClosed).toBe(true)
  })

  it('stays with its mechanism', async () => {
    const { plain, ask, connection } = connect(session)
    await plain('alice', 'a')
    expect(await ask(saslHandshake, 1, { mechanism: 'SLOW' })).toMatchObject({ errorCode: 0 })
    expect(await ask(saslAuthenticate, 2, { authBytes: Buffer.from('x') })).toMatchObject({
      errorCode: 58,
      errorMessage:
        "SASL mechanism 'SLOW' requested by client is not supported for re-authentication of mechanism 'PLAIN'",
    })
    expect(connection.isClosed).toBe(true)
  })

  it('serves nothing else while it is renewed', async () => {
    const { plain, ask, beat, connection } = connect(session)
    await plain('alice', 'a')
    await ask(saslHandshake, 1, { mechanism: 'PLAIN' })
    expect(await beat()).toMatchObject({ errorCode: 34 })
    expect(connection.isClosed).toBe(true)
  })
})
