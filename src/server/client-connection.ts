/** server: what it needs of a connection, and what a handler is told about one. */
import type { X509Certificate } from 'node:crypto'
import type { SecurityProtocol } from '../config/index.ts'
import type { ConnectionContext } from '../handlers/context.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Access, AccessFor } from '../security/access.ts'
import type { Authentication } from '../security/authentication.ts'
import type { Principal } from '../security/principal.ts'

/** The network's side of a connection. */
export interface ClientConnection {
  readonly id: string
  readonly listener: string
  readonly clientAddress: string
  /** Trusted; undefined where it has none, or is not encrypted. */
  readonly clientCertificate?: X509Certificate | undefined
  /** The largest frame that is taken from now on, and the config that says so. */
  limitFrames(maxFrameBytes: number, limitName: string): void
  /**
   * Sends `buffers` one after the other; they must not change until `written` is called, if it ever is. `moreFollows`: other answers
   * are on their way.
   */
  send(buffers: readonly Buffer[], moreFollows: boolean, written?: () => void): void
  /** No more frames until `resume`. */
  pause(): void
  resume(): void
  /** Ends it when what was sent is written. */
  close(): void
  /** Ends it now. */
  destroy(): void
}

/** Of the listener that a connection came in on. */
export interface ConnectionSecurity {
  readonly protocol: SecurityProtocol
  /** @throws AuthenticationFailure for a connection that can be nobody's */
  authenticationFor(connection: Pick<ClientConnection, 'clientCertificate'>): Authentication
}

interface HandledConnectionOptions {
  readonly protocol: SecurityProtocol
  readonly authentication: Authentication
  readonly accessFor: AccessFor
  readonly logger: Logger
}

/** A connection as handlers see it. */
export class HandledConnection implements ConnectionContext {
  readonly id: string
  readonly listener: string
  readonly clientAddress: string
  readonly securityProtocol: SecurityProtocol
  readonly authentication: Authentication
  readonly #accessFor: AccessFor
  clientSoftware = { name: 'unknown', version: 'unknown' }
  readonly #logger: Logger
  /** Of the principal that it was asked for last. */
  #access: { readonly principal: Principal; readonly access: Access } | undefined
  /** Of the end; most connections never have one. */
  #listeners: Set<() => void> | undefined
  #isClosed = false

  constructor({ id, listener, clientAddress }: ClientConnection, options: HandledConnectionOptions) {
    this.id = id
    this.listener = listener
    this.clientAddress = clientAddress
    this.securityProtocol = options.protocol
    this.authentication = options.authentication
    this.#accessFor = options.accessFor
    this.#logger = options.logger
  }

  get principal(): Principal {
    return this.authentication.principal
  }

  get access(): Access {
    const { principal, clientAddress, listener } = this
    if (this.#access?.principal !== principal) {
      this.#access = { principal, access: this.#accessFor({ principal, clientAddress, listener }) }
    }
    return this.#access.access
  }

  /** After the end it runs `listener` as well, but never before `onClose` has returned. */
  onClose(listener: () => void): () => void {
    const once = (): void => listener()
    this.#listeners ??= new Set()
    this.#listeners.add(once)
    if (this.#isClosed) queueMicrotask(() => this.#run(once))
    return () => {
      this.#listeners?.delete(once)
    }
  }

  closed(): void {
    this.#isClosed = true
    for (const listener of this.#listeners ?? []) this.#run(listener)
  }

  #run(listener: () => void): void {
    if (this.#listeners?.delete(listener) !== true) return
    try {
      listener()
    } catch (err) {
      this.#logger.error({ connection: this.id, err }, 'what waited for the end of a connection failed')
    }
  }
}
