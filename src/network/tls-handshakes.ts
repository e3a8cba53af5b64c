/**
 * network: the TLS side of a listener: takes raw sockets, gives those back whose handshake is done, and cuts off the others.
 *
 *     raw socket ── begin ──▶ handshaking ── secured ──▶ the listener
 *                                 └── too slow, too many, no TLS, no certificate ──▶ closed, one log line
 */
import type { Socket } from 'node:net'
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls'
import type { Cancel, Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import { atEndOfTurn } from '../runtime/turns.ts'

/** How a listener's connections are encrypted. */
export interface TlsSettings {
  /** Key, certificates, trusted certificates, protocols and cipher suites, by `node:tls`'s names. */
  readonly context: SecureContextOptions
  /** Whether clients are asked for a certificate (`ssl.client.auth`); one that is sent has to be trusted. */
  readonly clientAuth: 'none' | 'requested' | 'required'
}

/** A client has this long for its handshake. */
export const handshakeTimeoutMs = 30_000
/** Handshakes under way at one listener; beyond, the oldest is cut off, so that slow ones never keep a quick one out. */
const defaultMaxHandshakes = 2000

interface Handshake {
  readonly socket: Socket
  readonly cancel: Cancel
  /** Why it ended before it was done; undefined: the client went away. */
  problem: string | undefined
}

interface Surroundings {
  readonly listener: string
  readonly clock: Clock
  readonly logger: Logger
  readonly maxHandshakes?: number | undefined
  secured(socket: TLSSocket): void
}

export class TlsHandshakes {
  readonly #surroundings: Surroundings
  readonly #maxHandshakes: number
  /** By address and port of both ends. In order of their start. */
  readonly #underWay = new Map<string, Handshake>()
  #server: Server
  #settings: TlsSettings

  constructor(settings: TlsSettings, surroundings: Surroundings) {
    this.#surroundings = surroundings
    this.#maxHandshakes = surroundings.maxHandshakes ?? defaultMaxHandshakes
    this.#settings = settings
    this.#server = this.#serverFor(settings)
  }

  /** What handshakes from now on use; connections that stand keep what they have. */
  set settings(settings: TlsSettings) {
    this.#server = this.#serverFor(settings)
    this.#settings = settings
  }

  begin(socket: Socket): void {
    const key = keyOf(socket)
    const cancel = this.#surroundings.clock.after(handshakeTimeoutMs, () =>
      this.#cutOff(key, `the TLS handshake was not done after ${handshakeTimeoutMs / 1000} s`),
    )
    this.#underWay.set(key, { socket, cancel, problem: undefined })
    // What is wrong may be known only after the socket is gone.
    socket.once('close', () => atEndOfTurn(() => this.#ended(key)))
    if (this.#underWay.size > this.#maxHandshakes) {
      this.#cutOff(this.#underWay.keys().next().value!, `more than ${this.#maxHandshakes} TLS handshakes are under way`)
    }
    this.#server.emit('connection', socket)
  }

  close(): void {
    for (const { socket } of this.#underWay.values()) socket.destroy()
  }

  /** It never listens itself: the listener's sockets are handed to it. */
  #serverFor({ context, clientAuth }: TlsSettings): Server {
    const server = createServer({
      ...context,
      requestCert: clientAuth !== 'none',
      rejectUnauthorized: clientAuth === 'required',
      handshakeTimeout: 2 * handshakeTimeoutMs,
    })
    server.on('secureConnection', (socket) => this.#secured(socket))
    server.on('tlsClientError', (error, socket) => this.#failed(error, socket))
    return server
  }

  #secured(socket: TLSSocket): void {
    const key = keyOf(socket)
    // A certificate that nobody vouches for is worse than none, also where none is needed.
    if (this.#settings.clientAuth !== 'none' && !socket.authorized && socket.getPeerX509Certificate() !== undefined) {
      this.#cutOff(key, distrusted(socket))
      return
    }
    this.#underWay.get(key)?.cancel()
    this.#underWay.delete(key)
    socket.disableRenegotiation()
    this.#surroundings.secured(socket)
  }

  #failed(error: Error, socket: TLSSocket): void {
    const handshake = this.#underWay.get(keyOf(socket)) ?? this.#justEnded()
    if (handshake !== undefined) handshake.problem ??= problemOf(error, socket)
  }

  /** Node ends the socket of a client whose certificate is not trusted before it says so; by then it has no address any more. */
  #justEnded(): Handshake | undefined {
    return [...this.#underWay.values()].find(({ socket, problem }) => socket.destroyed && problem === undefined)
  }

  #cutOff(key: string, problem: string): void {
    const handshake = this.#underWay.get(key)
    if (handshake === undefined) return
    handshake.problem = problem
    handshake.socket.destroy()
  }

  #ended(key: string): void {
    const handshake = this.#underWay.get(key)
    if (handshake === undefined) return
    this.#underWay.delete(key)
    handshake.cancel()
    const { listener, logger } = this.#surroundings
    const { problem } = handshake
    if (problem === undefined) logger.debug({ connection: key, listener }, 'connection lost during its TLS handshake')
    else logger.warn({ connection: key, listener, reason: problem }, 'connection closed: no TLS session')
  }
}

function keyOf(socket: Socket): string {
  return `${socket.localAddress}:${socket.localPort}-${socket.remoteAddress}:${socket.remotePort}`
}

/** Errors of OpenSSL about bytes that are no TLS record. */
const noTls = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_HTTP_REQUEST', 'ERR_SSL_HTTPS_PROXY_REQUEST'])

function problemOf(error: NodeJS.ErrnoException & { reason?: string }, socket: TLSSocket): string | undefined {
  if (noTls.has(error.code ?? '')) return 'it looks like a client without TLS, but this listener is encrypted'
  if (socket.authorizationError !== undefined && socket.authorizationError !== null) return distrusted(socket)
  return error.code === 'ECONNRESET' ? undefined : (error.reason ?? error.message)
}

function distrusted({ authorizationError }: TLSSocket): string {
  return `the client's certificate is not trusted: ${authorizationError}`
}
