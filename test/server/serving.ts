/** A server over fake rooms on a real socket, and requests as bytes: what the tests of the server are written with. */
import {
  apiByKey,
  requestHeader,
  requestHeaderVersion,
  responseHeader,
  responseHeaderVersion,
} from '../../protocol/messages/index.ts'
import { type Api, Reader, Writer } from '../../protocol/schema/index.ts'
import type { Rooms } from '../../src/handlers/context.ts'
import type { Handler } from '../../src/handlers/handler.ts'
import { Listener } from '../../src/network/index.ts'
import { type Clock, realClock } from '../../src/runtime/clock.ts'
import type { Logger } from '../../src/runtime/logger.ts'
import { type ClientConnection, Server } from '../../src/server/index.ts'
import { framed, RawClient } from '../network/raw-client.ts'

export interface LogLine {
  readonly level: string
  readonly fields: Record<string, unknown>
  readonly message: string
}

export class Serving {
  readonly server: Server
  readonly lines: LogLine[] = []
  readonly #clients: RawClient[] = []
  #listener: Listener | undefined

  constructor(handlers: readonly Handler[], clock: Clock = realClock) {
    const at = (level: string) => (fields: object, message: string) =>
      void this.lines.push({ level, fields: fields as Record<string, unknown>, message })
    const logger: Logger = { debug: () => {}, info: at('info'), warn: at('warn'), error: at('error') }
    const quotas = { isEnforced: false }
    this.server = new Server({ handlers, clock, logger, quotas } as unknown as Rooms)
  }

  async start(): Promise<this> {
    this.#listener = await Listener.open({
      name: 'PLAINTEXT',
      bindAddresses: ['127.0.0.1'],
      port: 0,
      maxRequestBytes: 20_000_000,
      maxIdleMs: -1,
      clock: realClock,
      logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    })
    this.#listener.start((connection) => this.server.accept(connection))
    return this
  }

  get listener(): Listener {
    return this.#listener!
  }

  async connect(): Promise<RawClient> {
    const client = await RawClient.connect(this.listener.port)
    this.#clients.push(client)
    return client
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.destroy()
    await this.listener.close()
    await this.server.close()
  }
}

/** The network's side of a connection without a network. */
export class FakeConnection implements ClientConnection {
  readonly id = '127.0.0.1:9092-127.0.0.1:50000-0'
  readonly listener = 'PLAINTEXT'
  readonly clientAddress = '127.0.0.1'
  readonly sent: Buffer[] = []
  isPaused = false
  isClosed = false

  limitFrames(): void {}

  send(buffers: readonly Buffer[], _moreFollows?: boolean, written?: () => void): void {
    this.sent.push(Buffer.concat(buffers))
    written?.()
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  close(): void {
    this.isClosed = true
  }

  destroy(): void {
    this.isClosed = true
  }
}

interface RequestOptions {
  readonly correlationId?: number
  readonly clientId?: string | null
}

/** Header and body of a request, without the size. */
export function requestBody(api: Api, version: number, value: object, options: RequestOptions = {}): Buffer {
  const writer = new Writer()
  requestHeader.codec(requestHeaderVersion(api, version)).encode(writer, {
    requestApiKey: api.key,
    requestApiVersion: version,
    correlationId: options.correlationId ?? 1,
    clientId: options.clientId === undefined ? 'tester' : options.clientId,
  })
  api.request.codec(version).encode(writer, value)
  return writer.toBuffer()
}

export function request(api: Api, version: number, value: object, options?: RequestOptions): Buffer {
  return framed(requestBody(api, version, value, options))
}

/** A frame with any key and version, and `rest` behind the correlation id. */
export function anyRequest(key: number, version: number, rest: Uint8Array = Buffer.alloc(0)): Buffer {
  const start = Buffer.alloc(8)
  start.writeInt16BE(key, 0)
  start.writeInt16BE(version, 2)
  start.writeInt32BE(9, 4)
  return framed(Buffer.concat([start, rest]))
}

export function answer<T = Record<string, unknown>>(
  api: Api,
  version: number,
  frame: Buffer,
): { correlationId: number; body: T } {
  const reader = new Reader(frame)
  const { correlationId } = responseHeader.codec(responseHeaderVersion(api, version)).decode(reader)
  const body = api.response.codec(version).decode(reader) as T
  if (reader.remaining > 0) throw new Error(`${reader.remaining} bytes are left of ${apiByKey(api.key)?.name}`)
  return { correlationId, body }
}

/** Promises that are settled by hand, one per call. */
export class Gate<T> {
  readonly calls: { resolve(value: T): void; reject(error: Error): void }[] = []

  pass(): Promise<T> {
    return new Promise((resolve, reject) => this.calls.push({ resolve, reject }))
  }
}
