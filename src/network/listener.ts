/**
 * network: one of the broker's listeners: the sockets it is bound to, all on one port, and the connections that came in on them.
 * `open` binds, so that the port is known; connections wait until `start` says who serves them.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Cancel, Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import { Members } from '../runtime/members.ts'
import { FrameConnection, type FrameReceiver, plainAddress } from './frame-connection.ts'
import type { TlsHandshakes, TlsSettings } from './tls-handshakes.ts'

export interface ListenerSettings {
  /** `PLAINTEXT`. */
  readonly name: string
  /** Those that this machine does not have are left out, as long as one remains. */
  readonly bindAddresses: readonly string[]
  /** 0: any port that is free on all addresses. */
  readonly port: number
  /** `socket.request.max.bytes` */
  readonly maxRequestBytes: number
  /** `connections.max.idle.ms`; negative: never. */
  readonly maxIdleMs: number
  /** Absent: not encrypted. */
  readonly tls?: TlsSettings | undefined
  /** TLS handshakes under way, beyond which the oldest is cut off; 2000 unless told. */
  readonly maxHandshakes?: number
  readonly clock: Clock
  readonly logger: Logger
}

/** Makes what serves a new connection. */
type Accept = (connection: FrameConnection) => FrameReceiver

/** Decides whether, and when, a new connection is served. */
export interface Admission {
  /** Calls one of the two, once, now or when its turn has come. Returns what to call when the connection goes before that. */
  admit(
    listener: string,
    address: string,
    outcome: { serve(): void; refuse(reason: string, afterMs: number): void },
  ): () => void
  /** A connection that was served is gone. */
  release(listener: string, address: string): void
}

const everybody: Admission = {
  admit: (_listener, _address, { serve }) => {
    serve()
    return () => {}
  },
  release: () => {},
}

/** One line for the operator: what could not be bound, and why. */
export class BindError extends Error {
  /** Node's: `EADDRINUSE`. */
  readonly code: string

  constructor(address: string, port: number, cause: NodeJS.ErrnoException) {
    super(`Socket server failed to bind to ${address}:${port}: ${bindProblem(cause)}`, { cause })
    this.name = 'BindError'
    this.code = cause.code ?? ''
  }
}

/** How often another free port is tried when the one of the first address is taken on the second. */
const portAttempts = 20
/** Idle connections are looked for this often within `maxIdleMs`, so one is closed at most a quarter later. */
const idleChecksPerTimeout = 4
const noSuchAddress = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EPROTONOSUPPORT'])

export class Listener {
  readonly name: string
  readonly #settings: ListenerSettings
  /** By the address that it is bound to. */
  readonly #servers = new Map<string, Server>()
  readonly #connections = new Members<FrameConnection>()
  /** Came in before `start`. */
  #waiting: Socket[] = []
  #handshakes: TlsHandshakes | undefined
  #accept: Accept | undefined
  #admission = everybody
  /** Wait for their admission, or for their end. */
  readonly #held = new Set<Socket>()
  #acceptedConnections = 0
  /** Counts what its connections read and write, which orders them by their last use. */
  readonly #uses = { count: 0 }
  #cancelIdleCheck: Cancel | undefined
  #port: number
  #closing: Promise<void> | undefined
  #allClosed: (() => void) | undefined

  /** @throws BindError when an address is in use, or none of them exists on this machine. */
  static async open(settings: ListenerSettings): Promise<Listener> {
    for (let attempt = 1; ; attempt += 1) {
      const listener = new Listener(settings)
      if (settings.tls !== undefined) await listener.#encrypt(settings.tls)
      try {
        await listener.#bindAll()
        return listener
      } catch (error) {
        const retries = settings.port === 0 && listener.#servers.size > 0 && attempt < portAttempts
        await listener.close()
        if (!retries || !(error instanceof BindError) || error.code !== 'EADDRINUSE') throw error
      }
    }
  }

  private constructor(settings: ListenerSettings) {
    this.name = settings.name
    this.#port = settings.port
    this.#settings = settings
  }

  /** Other certificates for an encrypted listener; connections that stand keep theirs. @throws Error of OpenSSL */
  set tls(settings: TlsSettings) {
    if (this.#handshakes !== undefined) this.#handshakes.settings = settings
  }

  /** The port that is bound, the same on all addresses. */
  get port(): number {
    return this.#port
  }

  /** The addresses that are bound. */
  get addresses(): readonly string[] {
    return [...this.#servers.keys()]
  }

  /** Open connections. */
  get connectionCount(): number {
    return this.#connections.size
  }

  /** Serves the connections that wait and all that come, as far as `admission` lets them. */
  start(accept: Accept, admission: Admission = everybody): void {
    this.#accept = accept
    this.#admission = admission
    for (const socket of this.#waiting) if (!socket.destroyed) this.#ask(socket, accept)
    this.#waiting = []
    if (this.#settings.maxIdleMs >= 0) this.#scheduleIdleCheck()
  }

  /** Closes the connection that has been idle for longest; false: there is none. */
  closeIdlest(): boolean {
    let idlest: FrameConnection | undefined
    for (const connection of this.#connections) {
      if (connection.isEnded) continue
      if (idlest === undefined || connection.lastUse < idlest.lastUse) idlest = connection
    }
    if (idlest === undefined) return false
    const { logger } = this.#settings
    logger.info(
      { connection: idlest.id, listener: this.name },
      'connection closed: there are too many (max.connections)',
    )
    idlest.destroy()
    return true
  }

  /** Accepts no more, ends all connections at once; resolves when the last of them is gone and the port is free. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll()
    return this.#closing
  }

  async #closeAll(): Promise<void> {
    this.#cancelIdleCheck?.()
    const servers = [...this.#servers.values()].map(closeServer)
    for (const socket of [...this.#waiting, ...this.#held]) socket.destroy()
    this.#handshakes?.close()
    for (const connection of this.#connections) connection.destroy()
    if (this.#connections.size > 0) await new Promise<void>((resolve) => (this.#allClosed = resolve))
    await Promise.all(servers)
  }

  #admit(socket: Socket): void {
    if (this.#closing !== undefined) socket.destroy()
    else if (this.#accept === undefined) {
      socket.on('error', () => socket.destroy())
      this.#waiting.push(socket)
    } else this.#ask(socket, this.#accept)
  }

  #ask(socket: Socket, accept: Accept): void {
    const address = plainAddress(socket.remoteAddress)
    let abandon: (() => void) | undefined
    let isDecided = false
    const fail = (): void => void socket.destroy()
    const closed = (): void => {
      this.#held.delete(socket)
      abandon?.()
    }
    const decide = (): void => {
      isDecided = true
      this.#held.delete(socket)
      socket.off('error', fail)
      socket.off('close', closed)
    }
    abandon = this.#admission.admit(this.name, address, {
      serve: () => {
        decide()
        if (!socket.destroyed && this.#closing === undefined) {
          socket.once('close', () => this.#admission.release(this.name, address))
          this.#begin(socket, accept)
        } else {
          socket.destroy()
          this.#admission.release(this.name, address)
        }
      },
      refuse: (reason, afterMs) => {
        decide()
        this.#refuse(socket, reason, afterMs)
      },
    })
    if (isDecided) return
    this.#held.add(socket)
    socket.on('error', fail)
    socket.on('close', closed)
  }

  #begin(socket: Socket, accept: Accept): void {
    if (this.#handshakes === undefined) this.#serve(socket, accept)
    else this.#handshakes.begin(socket)
  }

  #refuse(socket: Socket, reason: string, afterMs: number): void {
    const { clock, logger } = this.#settings
    logger.info({ listener: this.name, client: plainAddress(socket.remoteAddress), reason }, 'connection refused')
    socket.on('error', () => socket.destroy())
    if (afterMs === 0) socket.destroy()
    else {
      this.#held.add(socket)
      const cancel = clock.after(afterMs, () => socket.destroy())
      socket.on('close', () => {
        cancel()
        this.#held.delete(socket)
      })
    }
  }

  #serve(socket: Socket, accept: Accept): void {
    const number = this.#acceptedConnections
    this.#acceptedConnections += 1
    const local = `${plainAddress(socket.localAddress)}:${socket.localPort}`
    const remote = `${plainAddress(socket.remoteAddress)}:${socket.remotePort}`
    const connection = new FrameConnection(socket, {
      id: `${local}-${remote}-${number}`,
      listener: this.name,
      maxFrameBytes: this.#settings.maxRequestBytes,
      uses: this.#uses,
      logger: this.#settings.logger,
    })
    this.#connections.add(connection)
    const receiver = accept(connection)
    connection.start({
      receive: (frame) => receiver.receive(frame),
      closed: () => {
        this.#connections.delete(connection)
        receiver.closed()
        if (this.#connections.size === 0) this.#allClosed?.()
      },
    })
  }

  /** One timer for all connections; each counts the checks since it last did something. */
  #scheduleIdleCheck(): void {
    const { clock, maxIdleMs, logger } = this.#settings
    this.#cancelIdleCheck = clock.after(Math.max(1, maxIdleMs / idleChecksPerTimeout), () => {
      for (const connection of this.#connections) {
        connection.idleChecks += 1
        if (connection.idleChecks <= idleChecksPerTimeout) continue
        logger.debug({ connection: connection.id, maxIdleMs }, 'connection closed: idle')
        connection.destroy()
      }
      this.#scheduleIdleCheck()
    })
  }

  /** What is loaded here takes memory that only TLS is worth. */
  async #encrypt(tls: TlsSettings): Promise<void> {
    const { TlsHandshakes } = await import('./tls-handshakes.ts')
    const secured = (socket: Socket): void => this.#serve(socket, this.#accept!)
    this.#handshakes = new TlsHandshakes(tls, { ...this.#settings, listener: this.name, secured })
  }

  async #bindAll(): Promise<void> {
    let missing: unknown
    for (const address of this.#settings.bindAddresses) {
      try {
        await this.#bind(address)
      } catch (error) {
        if (!(error instanceof BindError) || !noSuchAddress.has(error.code)) throw error
        if (address === '::') await this.#bind('0.0.0.0')
        else missing = error
      }
    }
    if (this.#servers.size === 0) throw missing
  }

  /** @throws BindError */
  #bind(host: string): Promise<void> {
    const port = this.#port
    return new Promise((resolve, reject) => {
      const server = createServer({ noDelay: true }, (socket) => this.#admit(socket))
      const fail = (cause: NodeJS.ErrnoException): void => reject(new BindError(host, port, cause))
      server.once('error', fail)
      server.listen({ host, port }, () => {
        server.off('error', fail)
        server.on('error', (err) => this.#settings.logger.warn({ listener: this.name, err }, 'accepting failed'))
        this.#servers.set(host, server)
        this.#port = (server.address() as AddressInfo).port
        resolve()
      })
    })
  }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

function bindProblem({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'Address already in use.'
  if (code === 'EACCES') return 'Permission denied.'
  return noSuchAddress.has(code ?? '') ? 'Cannot assign requested address.' : message
}
