import { once } from 'node:events'
import { connect as connectPlain } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { Listener, type ListenerSettings, type TlsSettings } from '../../src/network/index.ts'
import { handshakeTimeoutMs } from '../../src/network/tls-handshakes.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import type { CertificateAuthority, Identity } from '../../src/security/certs/development-certificates.ts'
import { newAuthority } from '../security/certificates.ts'
import { framed, RawClient, until } from './raw-client.ts'

let authority: CertificateAuthority
let server: Identity
let other: Identity
let client: Identity
let stranger: Identity

beforeAll(async () => {
  authority = await newAuthority()
  server = await authority.issue({ name: 'localhost', hosts: ['localhost', '127.0.0.1'] })
  other = await authority.issue({ name: 'localhost-2', hosts: ['localhost', '127.0.0.1'] })
  client = await authority.issue({ name: 'client' })
  stranger = await (await newAuthority()).issue({ name: 'stranger' })
}, 120_000)

function settings(clientAuth: TlsSettings['clientAuth'] = 'none', identity = server): TlsSettings {
  const { key, certificate } = identity
  return { clientAuth, context: { key, cert: certificate, ca: authority.identity.certificate } }
}

/** Answers each frame with itself, and notes whose certificate the connection has. */
async function open(tls: TlsSettings, rest: Partial<ListenerSettings> = {}) {
  const lines: string[] = []
  const clock = new SimulatedClock()
  const warn = (fields: object, message: string) =>
    void lines.push(`${message}: ${(fields as { reason?: string }).reason}`)
  const listener = await Listener.open({
    name: 'SSL',
    bindAddresses: ['127.0.0.1'],
    port: 0,
    maxRequestBytes: 1_000_000,
    maxIdleMs: -1,
    tls,
    clock,
    logger: { debug: () => {}, info: () => {}, warn, error: warn },
    ...rest,
  })
  const subjects: (string | undefined)[] = []
  listener.start((connection) => {
    subjects.push(connection.clientCertificate?.subject)
    return { receive: (frame) => connection.send([framed(frame)]), closed: () => {} }
  })
  onTestFinished(() => listener.close())
  return { listener, lines, clock, subjects }
}

async function connected(listener: Listener, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const ca = authority.identity.certificate
  const socket = connect({ port: listener.port, host: '127.0.0.1', servername: 'localhost', ca, ...options })
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  return socket
}

async function echoes(socket: TLSSocket, bytes: Uint8Array): Promise<boolean> {
  const raw = RawClient.over(socket)
  raw.send(framed(bytes))
  return (await raw.frame()).equals(bytes)
}

const ended = (socket: TLSSocket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()))

const asClient = ({ key, certificate }: Identity): ConnectionOptions => ({ key, cert: certificate })

describe('an encrypted listener', () => {
  it('carries frames of any size', async () => {
    const { listener } = await open(settings())
    for (const size of [0, 1, 16_384, 900_000])
      expect(await echoes(await connected(listener), Buffer.alloc(size, 7))).toBe(true)
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s', async (version) => {
    const { listener } = await open(settings())
    const socket = await connected(listener, { minVersion: version, maxVersion: version })
    expect(socket.getProtocol()).toBe(version)
  })

  it('has no older versions', async () => {
    const { listener, lines } = await open(settings())
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    await expect(connected(listener, old)).rejects.toThrow()
    await until(() => lines.length > 0)
    expect(lines[0]).toContain('connection closed: no TLS session')
  })

  it('cuts off who speaks in plain bytes, with one line', async () => {
    for (const bytes of [framed(Buffer.from('0012000300000001ffff', 'hex')), Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
      const { listener, lines } = await open(settings())
      const raw = await RawClient.connect(listener.port)
      raw.send(bytes)
      await raw.closed()
      await until(() => lines.length > 0)
      expect(lines).toEqual([
        'connection closed: no TLS session: it looks like a client without TLS, but this listener is encrypted',
      ])
    }
  })

  it('cuts off a handshake that takes too long, however it trickles', async () => {
    const { listener, lines, clock } = await open(settings())
    const raw = await RawClient.connect(listener.port)
    const hello = Buffer.from('16030100c8010000c40303', 'hex')
    await raw.sent(hello.subarray(0, 3))
    await clock.advance(handshakeTimeoutMs - 1)
    await raw.sent(hello.subarray(3))
    expect(raw.isClosed).toBe(false)
    await clock.advance(1)
    await raw.closed()
    await until(() => lines.length > 0)
    expect(lines).toEqual(['connection closed: no TLS session: the TLS handshake was not done after 30 s'])
  })

  it('lets a new client in however many handshakes are held up, at the cost of the oldest', async () => {
    const { listener, lines } = await open(settings(), { maxHandshakes: 20 })
    const slow = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = connectPlain(listener.port, '127.0.0.1')
        socket.on('error', () => {})
        await once(socket, 'connect')
        return socket
      }),
    )
    onTestFinished(() => slow.forEach((socket) => void socket.destroy()))
    expect(await echoes(await connected(listener), Buffer.from('x'))).toBe(true)
    await until(() => lines.length > 0)
    expect(lines[0]).toContain('more than 20 TLS handshakes are under way')
  })

  it('closes handshakes that are under way', async () => {
    const { listener } = await open(settings())
    const raw = await RawClient.connect(listener.port)
    await raw.sent(Buffer.from([0x16]))
    await listener.close()
    await raw.closed()
  })

  it('takes other certificates while it runs: connections that stand stay', async () => {
    const { listener } = await open(settings())
    const before = await connected(listener)
    listener.tls = settings('none', other)
    const after = await connected(listener)
    expect([before, after].map((socket) => socket.getPeerCertificate().subject.CN)).toEqual([
      'localhost',
      'localhost-2',
    ])
    expect(await echoes(before, Buffer.from('x'))).toBe(true)
  })
})

describe('clients with certificates', () => {
  it('are known where they are asked for one', async () => {
    for (const clientAuth of ['requested', 'required'] as const) {
      const { listener, subjects } = await open(settings(clientAuth))
      expect(await echoes(await connected(listener, asClient(client)), Buffer.from('x'))).toBe(true)
      expect(subjects).toEqual(['CN=client'])
    }
  })

  it('need none where it is only requested, or not at all', async () => {
    for (const clientAuth of ['requested', 'none'] as const) {
      const { listener, subjects } = await open(settings(clientAuth))
      const options = clientAuth === 'none' ? asClient(client) : {}
      expect(await echoes(await connected(listener, options), Buffer.from('x'))).toBe(true)
      expect(subjects).toEqual([undefined])
    }
  })

  it.each([
    ['requested', 'TLSv1.2'],
    ['requested', 'TLSv1.3'],
    ['required', 'TLSv1.2'],
    ['required', 'TLSv1.3'],
  ] as const)('of a stranger are cut off where they are %s, with %s', async (clientAuth, version) => {
    const { listener, lines, subjects } = await open(settings(clientAuth))
    const options = { ...asClient(stranger), minVersion: version, maxVersion: version }
    const socket = connect({ port: listener.port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
    socket.on('error', () => {})
    await ended(socket)
    await until(() => lines.length > 0)
    expect(lines[0]).toMatch(/^connection closed: no TLS session: the client's certificate is not trusted: [A-Z_]+$/)
    expect(subjects).toEqual([])
  })

  it('are cut off without one where it is required', async () => {
    const { listener, lines } = await open(settings('required'))
    const socket = connect({ port: listener.port, host: '127.0.0.1', rejectUnauthorized: false })
    socket.on('error', () => {})
    await ended(socket)
    await until(() => lines.length > 0)
    expect(lines[0]).toContain('peer did not return a certificate')
  })
})
